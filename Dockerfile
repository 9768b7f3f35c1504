# The image of the service: its code, its migrations and their packages. The service runs as a user
# without privileges, and on a read-only file system.
#
# The base image has a tag and no digest: the digest changes with every rebuild of Debian or Python,
# and would be out of date within days. Dependabot proposes updates.
FROM python:3.13-slim-trixie AS base
ENV PATH=/opt/venv/bin:$PATH


FROM base AS build
# All files that are copied from this stage belong to root. The image's user can only read them.
WORKDIR /srv
RUN --mount=type=bind,source=requirements/app.txt,target=/tmp/app.txt \
    --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/venv \
    # Wheels only: pip runs no code of a package while it installs a wheel.
    && pip --disable-pip-version-check --python /opt/venv/bin/python install --no-compile \
        --require-hashes --no-deps --only-binary=:all: --requirement /tmp/app.txt \
    && pip --disable-pip-version-check --python /opt/venv/bin/python check \
    # Compile now, because Python cannot write bytecode to a read-only file system. Later, Python
    # does not compare the bytecode with the source, because neither changes.
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv
COPY alembic.ini ./
COPY migrations ./migrations
COPY app ./app
# The image's user must be able to read all files, whatever the umask of the checkout was.
RUN python -m compileall -q --invalidation-mode unchecked-hash /srv \
    && chmod -R a=rX /srv


FROM base
# The service does not need pip, and an attacker must not have it.
RUN pip --disable-pip-version-check uninstall --yes --root-user-action=ignore pip \
    && python -c 'import ensurepip, shutil; shutil.rmtree(*ensurepip.__path__)'

WORKDIR /srv
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv ./
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# A number, so that an orchestrator can check that the user is not root. The user has no account.
USER 65532:65532
EXPOSE 8000

# The load balancer checks the same path. This check ignores the database, because a new container
# would not repair the database. bash can open a connection, and starts in a hundredth of the time
# that a Python process needs.
HEALTHCHECK --interval=3s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", "\
exec 3<>/dev/tcp/127.0.0.1/8000 && \
printf 'GET /readyz?exclude=postgres HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n' >&3 && \
read -r _ status _ <&3 && [ \"$status\" = 200 ]"]

# The worker is another container of this image, with the command `python -m app worker`, and without
# the health check.
#
# uvicorn is the first process and receives SIGTERM: the process becomes unready, drains and exits.
# With an empty host, uvicorn listens on IPv4 and IPv6. The other options are those of the local
# stack; lab/stack/servers/apps.py has the reason for each option.
# FORWARDED_ALLOW_IPS lists the proxies whose X-Forwarded-For uvicorn trusts.
CMD ["python", "-m", "uvicorn", "--factory", "app.main:create_app", \
     "--host", "", "--port", "8000", "--workers", "1", \
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
