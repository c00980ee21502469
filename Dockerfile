# One image for all of it: API, worker, Prefect server and the one-shot commands. See docs/operating.md, "Containers".
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
# The installer, and npm for the schema files of SCORM packages: neither is in the image.
COPY requirements-uv.lock requirements-node.lock ./
RUN pip install --require-hashes -r requirements-uv.lock -r requirements-node.lock
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/coursewright \
    && UV_BUILD_CONSTRAINT=requirements.lock uv pip install --python /opt/coursewright/bin/python --require-hashes -r requirements.lock
COPY engine engine
COPY api api
COPY web web
COPY plugins plugins
# For hatchling, which builds without isolation, so that it is the locked one.
ENV PATH=/opt/coursewright/bin:$PATH
RUN uv pip install --python /opt/coursewright/bin/python --no-deps --no-build-isolation ./engine ./api ./web ./plugins/* \
    && python -m compileall -q /opt/coursewright/lib \
    && coursewright plugins >/dev/null

FROM python:${PYTHON}-slim-bookworm
RUN groupadd --gid 10001 coursewright \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin coursewright \
    && install -d -o coursewright -g coursewright /data /backups
COPY --from=build /opt/coursewright /opt/coursewright
COPY pipelines /opt/coursewright/share/pipelines
COPY deploy/entrypoint.sh /usr/local/bin/entrypoint
ENV PATH=/opt/coursewright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache \
    TMPDIR=/data \
    DO_NOT_TRACK=1 \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    COURSEWRIGHT_DATA_DIR=/data \
    COURSEWRIGHT_SERVER_HOST=0.0.0.0 \
    COURSEWRIGHT_SERVER_PIPELINES_DIR=/opt/coursewright/share/pipelines
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8400
ENTRYPOINT ["sh", "/usr/local/bin/entrypoint"]
CMD ["coursewright", "serve"]
