import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gate", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="attemptrow", name="began", field=models.CharField(blank=True, db_default="", max_length=20)
        ),
        migrations.AddField(
            model_name="decision", name="began", field=models.CharField(blank=True, db_default="", max_length=20)
        ),
        migrations.CreateModel(
            name="UnplacedRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("known_from", models.DateTimeField(null=True)),
                ("digest", models.CharField(max_length=32)),
                ("erase_on", models.DateField(db_index=True, null=True)),
                ("ref", models.CharField(max_length=300)),
                ("began", models.CharField(max_length=20)),
                ("placed", models.SmallIntegerField(default=0)),
                (
                    "load",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="gate.load"
                    ),
                ),
            ],
            options={
                "db_table": "gate_unplaced",
                "constraints": [models.UniqueConstraint(fields=("ref", "began", "placed"), name="gate_unplaced_once")],
            },
        ),
    ]
