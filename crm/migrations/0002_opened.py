import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0001_initial'),
    ]

    # Trigrams are for the search indexes of */database_rules.py; other engines pass over them.
    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name='Opened',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_type', models.CharField(max_length=20)),
                ('object_id', models.BigIntegerField()),
                ('at', models.DateTimeField(verbose_name='opened')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'opened record',
                'verbose_name_plural': 'opened records',
                'ordering': ['-at', '-pk'],
                'indexes': [models.Index(fields=['user', '-at', '-id'], name='opened_latest')],
                'constraints': [models.UniqueConstraint(fields=('user', 'object_type', 'object_id'), name='opened_once')],
            },
        ),
    ]
