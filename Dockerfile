# syntax=docker/dockerfile:1
# Three stages: front-end files from npm, packages by hash, and an image that holds neither npm nor uv nor a compiler.

ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

FROM ${NODE_IMAGE} AS node_modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM ${PYTHON_IMAGE} AS build
ENV PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv --without-pip /venv
COPY requirements/base.txt requirements/
RUN pip --python /venv/bin/python install --no-cache-dir --require-hashes -r requirements/base.txt
COPY --from=node_modules /app/node_modules node_modules
COPY . .
# The build needs settings that pass, and keeps none of them.
RUN python dev.py vendor \
    && DEBUG=0 SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
       ALLOWED_HOSTS=build SITE_URL=https://build EMAIL_URL=dummymail:// DATABASE_URL=sqlite://:memory: \
       /venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf node_modules static_vendor tests bench requirements package.json package-lock.json dev.py Makefile

FROM ${PYTHON_IMAGE}
# Python prints at once, and writes nothing beside its code: the file system may be read-only, except for /tmp.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 BEAT_SCHEDULE=/tmp/beat
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin stagecraft
WORKDIR /app
COPY --from=build /venv /venv
COPY --from=build /app /app
# Files that people add to deals: a volume takes owner and mode from here.
RUN install -d -o 10001 -g 10001 -m 700 /app/var /app/var/media
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-m", "crm.healthcheck", "web"]
# Each of the 2 x 16 threads keeps a connection to PostgreSQL; streams of open boards need neither (crm/streams.py).
# gunicorn forks after loading, so a wrong setting is said once and stops the container.
CMD ["gunicorn", "crm.wsgi", "--bind=0.0.0.0:8000", "--preload", "--worker-class=gthread", "--workers=2", "--threads=16", \
     "--worker-tmp-dir=/dev/shm", "--graceful-timeout=20", "--timeout=60", "--max-requests=20000", \
     "--max-requests-jitter=2000", "--log-level=warning", "--no-control-socket", "--limit-request-line=8190"]
