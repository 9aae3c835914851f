from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("live", "0018_compiling_workers")]

    operations = [migrations.AddField(model_name="workerbeat", name="faults", field=models.JSONField(default=list))]
