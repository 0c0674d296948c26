from django.conf import settings
from django.db import migrations, models
from django.db.models import F
from django.db.models.functions import Lower

from crm.text import same_name_key

BATCH = 1000


def fill(apps, schema_editor):
    """The database folds what it can in one statement; titles of other letters than it knows are written one by one."""
    deals = apps.get_model("pipeline", "Deal").objects
    deals.update(title_key=Lower(F("title")))
    wrong = []
    for deal in deals.only("title", "title_key").iterator(BATCH):
        key = same_name_key(deal.title)[:200]
        if key != deal.title_key:
            deal.title_key = key
            wrong.append(deal)
    deals.bulk_update(wrong, ["title_key"], batch_size=BATCH)


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0002_opened'),
        ('leads', '0001_initial'),
        ('pipeline', '0003_room_in_stages'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='deal',
            name='title_key',
            field=models.CharField(blank=True, default='', editable=False, max_length=200),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='deal',
            index=models.Index(fields=['title_key'], name='deal_by_title', opclasses=['varchar_pattern_ops']),
        ),
    ]
