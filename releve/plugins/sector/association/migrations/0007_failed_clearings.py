from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("association", "0006_spare_searches")]

    operations = [
        migrations.AddField(model_name="reliefgate", name="failed_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="reliefgate", name="failure", field=models.CharField(blank=True, max_length=300)
        ),
    ]
