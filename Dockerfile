# The connector's image: worker, codec server and command line. Nothing is fetched without a hash.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /build \
 && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/dev.txt \
 && python -m venv /opt/ml-connector \
 && /opt/ml-connector/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE worker.py ./
COPY ml_connector/ ml_connector/
COPY workflows/ workflows/
COPY activities/ activities/
COPY starter/ starter/
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
 && /opt/ml-connector/bin/pip install --no-cache-dir --no-deps --no-index /dist/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/ml-connector /opt/ml-connector
ENV PATH=/opt/ml-connector/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ML_CONNECTOR_HOME=/var/lib/ml-connector
# Which user runs it is compose's choice: the one who owns the secret files. So any may write here.
RUN mkdir -m 1777 /var/lib/ml-connector
USER 10001:10001
WORKDIR /var/lib/ml-connector
# The first SIGTERM lets running activities finish; compose waits longer than the worker does.
STOPSIGNAL SIGTERM
ENTRYPOINT ["ml-connector"]
CMD ["worker"]
