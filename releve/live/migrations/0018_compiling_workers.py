from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("live", "0017_calendar_links")]

    operations = [
        migrations.AddField(model_name="workerbeat", name="compiling", field=models.BooleanField(default=False))
    ]
