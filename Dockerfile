# The image of the service: its code, its migrations and what they import, for a user without any
# rights on a file system that may be read-only.
#
# The tag is all that can be pinned by hand; the digest behind it changes with every rebuild of
# Debian or Python, and Dependabot writes it here and keeps it current.
FROM python:3.13-slim-trixie AS base
ENV PATH=/opt/venv/bin:$PATH


FROM base AS build
# Everything that is copied from here belongs to root, and whoever runs it can only read it.
WORKDIR /srv
RUN --mount=type=bind,source=requirements/app.txt,target=/tmp/app.txt \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/venv \
    # Wheels only: nothing of a package runs before its code is imported.
    && pip --disable-pip-version-check --python /opt/venv/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary=:all: --requirement /tmp/app.txt \
    && pip --disable-pip-version-check --python /opt/venv/bin/python check
COPY alembic.ini ./
COPY migrations ./migrations
COPY app ./app
# A read-only file system keeps no bytecode, so it is made here. It is never compared with its
# source: neither changes any more, whatever time the files bear. And all may be read by everybody,
# however narrow the umask was with which somebody has cloned this.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/venv /srv \
    && chmod -R a=rX /srv


FROM base
# The service installs nothing, and neither shall anybody who breaks into it.
RUN pip --disable-pip-version-check uninstall --yes --root-user-action=ignore pip \
    && python -c 'import ensurepip, shutil; shutil.rmtree(*ensurepip.__path__)'

WORKDIR /srv
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv ./
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# A number, so that an orchestrator can see that it is not root's. There is no account behind it.
USER 65532:65532
EXPOSE 8000

# Whether it takes requests, as the load balancer asks it. A database that is down is none of the
# container's faults: a new one would not find it any better.
HEALTHCHECK --interval=3s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-Ic", "\
from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=2.5); \
c.request('GET', '/readyz?exclude=postgres'); exit(c.getresponse().status != 200)"]

# uvicorn is the first process and gets SIGTERM itself: not ready, then drained, then ended. These
# are the options that the local stack starts it with, each with its reason in lab/stack/apps.py.
# Whom it believes about the client's address stands in FORWARDED_ALLOW_IPS.
CMD ["python", "-m", "uvicorn", "--factory", "app.main:create_app", \
     "--host", "0.0.0.0", "--port", "8000", \
     "--loop", "uvloop", "--http", "httptools", \
     "--proxy-headers", \
     "--no-access-log", "--no-server-header", \
     "--timeout-graceful-shutdown", "15", \
     "--reset-contextvars", \
     "--timeout-keep-alive", "75"]

ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Roundtrip" \
      org.opencontainers.image.description="A reference REST API service" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim-trixie"
