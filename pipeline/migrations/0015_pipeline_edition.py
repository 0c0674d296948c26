import uuid

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pipeline', '0014_tasks_in_bulk'),
    ]

    operations = [
        migrations.AddField(
            model_name='pipeline',
            name='edition',
            field=models.UUIDField(default=uuid.uuid4, editable=False),
        ),
    ]
