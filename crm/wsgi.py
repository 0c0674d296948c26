"""What gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

application = get_wsgi_application()

# What is loaded now stays: without this, every sixth board takes 40 ms longer, for looking through all of it again.
gc.collect()
gc.freeze()
# A page makes tens of thousands of objects and drops them again by itself; to look for circles every 700 finds none.
gc.set_threshold(20_000, 10, 10)
