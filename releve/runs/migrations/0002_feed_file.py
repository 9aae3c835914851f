from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_roster_draft")]

    operations = [
        migrations.CreateModel(
            name="FeedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("feed", models.CharField(max_length=64)),
                ("key", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("file", models.CharField(blank=True, max_length=300)),
                ("state", models.CharField(max_length=8)),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, max_length=150)),
                ("version", models.PositiveIntegerField(null=True)),
                ("changes", models.JSONField(default=dict)),
                ("reason", models.JSONField(default=str)),
                ("open", models.BooleanField(default=False)),
                ("closed_by", models.CharField(blank=True, max_length=150)),
            ],
            options={"ordering": ("-pk",)},
        ),
        migrations.AddConstraint(
            model_name="feedfile",
            constraint=models.UniqueConstraint(fields=("feed", "key"), name="runs_feed_file_once"),
        ),
    ]
