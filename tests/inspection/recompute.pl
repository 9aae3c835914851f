# Compute the draw of a pack again, by other means than Python: prints the visits of each draw.
use strict; use warnings;
use JSON::PP; use Digest::SHA qw(sha256 hmac_sha256); use Math::BigRat; use Time::Local;

local $/; open(my $in, '<', $ARGV[0]) or die; my $pack = decode_json(<$in>);
my @entries = sort { $a->{seq} <=> $b->{seq} } map { $_->{entry} } @{ $pack->{entries} };
my ($plan) = map { $_->{body} } grep { $_->{kind} eq 'draw.planned' } @entries;
my ($joined) = map { $_->{body} } grep { $_->{kind} eq 'draw.joined' } @entries;
my ($frame) = grep { $_->{day} eq $pack->{day} } map { $_->{body} }
  grep { $_->{kind} eq 'draw.framed' } @entries;

my @rule = sort qw(plan first_day days operator_anchor visits most_permille
  least_permille per_agent per_day per_finding deadline_hour);
my $text = '{' . join(',', map { "\"$_\":" . ($plan->{$_} =~ /^\d+$/ && $_ ne 'plan'
  && $_ !~ /anchor/ ? $plan->{$_} : "\"$plan->{$_}\"") } @rule) . '}';
my $plan_hash = sha256("releve draw plan 2\n" . $text);
my $binding = sha256("releve draw binding 1\n" . $plan_hash . pack('Q>', $joined->{root_size})
  . pack('H*', $joined->{root_tree}));

sub stamp { my ($y, $m, $d) = split /-/, shift; return timegm(0, 0, 0, $d, $m - 1, $y) }
my %link;
for my $row (grep { $_->{kind} eq 'draw.revealed' } @entries) {
    my $body = $row->{body};
    my $later = (stamp($body->{day}) - stamp($pack->{day})) / 86400;
    my $link = pack('H*', $body->{link});
    my $bound = $body->{party} eq 'commission' ? $binding : '';
    $link = sha256("releve draw link 2\n" . $bound . $link) for 1 .. $later;
    $link{ $body->{party} } = $link;
}

my $zero = Math::BigRat->new(0);
my %w = map { $_->{site} => Math::BigRat->new($_->{weight}) } @{ $frame->{units} };
my $least = Math::BigRat->new("$plan->{least_permille}/1000");
my $most = Math::BigRat->new("$plan->{most_permille}/1000");
sub clamp { my $p = shift; return $p < $least ? $least : $p > $most ? $most : $p }
my (%fixed, %p);    # water filling: fix the unit that breaks its bound most, share out again
while (1) {
    my ($left, $sum) = (Math::BigRat->new($plan->{visits}), $zero->copy);
    for my $site (keys %w) { if ($fixed{$site}) { $left -= $fixed{$site} } else { $sum += $w{$site} } }
    my ($over, $under) = ($zero->copy, $zero->copy);
    for my $site (keys %w) {
        $p{$site} = $fixed{$site} || $left * $w{$site} / $sum;
        my $off = $p{$site} - clamp($p{$site});
        if ($off > 0) { $over += $off } else { $under -= $off }
    }
    last if $over == 0 && $under == 0;
    for my $site (keys %w) {
        my $off = $p{$site} - clamp($p{$site});
        $fixed{$site} = $most->copy if $off > 0 && $over >= $under;
        $fixed{$site} = $least->copy if $off < 0 && $under >= $over;
    }
}

sub ceiling { my $n = -(-$_[0])->bfloor(); return $n }
for my $draw (map { $_->{body} } grep { $_->{kind} eq 'draw.drawn' } @entries) {
    my @parts = ($binding, pack('H*', $joined->{commission_anchor}), $pack->{day},
        (map { $draw->{withheld} eq $_ ? '' : $link{$_} } qw(operator commission)), '');
    my $seed = sha256("releve draw seed 2\n" . join('', map { pack('N', length $_) . $_ } @parts));
    my %ticket = map { $_ => hmac_sha256("releve draw unit 1\n" . $_, $seed) } keys %w;
    my $start = Math::BigRat->new(
        Math::BigInt->from_hex(unpack('H*', hmac_sha256("releve draw start 1\n", $seed))))
      / Math::BigRat->new(Math::BigInt->new(2)->bpow(256));
    my ($below, @visits) = ($zero->copy);
    for my $site (sort { $ticket{$a} cmp $ticket{$b} } keys %w) {
        my $above = $below + $p{$site};
        push @visits, $site if ceiling($above - $start) > ceiling($below - $start);
        $below = $above;
    }
    print "$draw->{withheld}:@visits\n";
}
