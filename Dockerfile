# One image for every process: web by default, any other command by name.
FROM python:3.13-slim AS build
WORKDIR /src
# The pip of the base image fills a venv that has no pip of its own: only this folder moves on.
RUN python -m venv --without-pip /opt/relay
# What changes seldom has a layer of its own. Only what the lock names, with its hashes, gets in.
COPY requirements.txt .
RUN pip --python /opt/relay/bin/python install --no-cache-dir --require-hashes \
    --requirement requirements.txt
# .dockerignore lets through only what the package is made of.
COPY . .
RUN pip --python /opt/relay/bin/python install --no-cache-dir --no-deps .

FROM python:3.13-slim
# With a home, where the dashboard's gunicorn keeps its control socket.
RUN groupadd --gid 10001 relay \
    && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin relay
COPY --from=build /opt/relay /opt/relay
# Unbuffered, so that the last log lines before a crash are seen.
ENV PATH=/opt/relay/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /home/relay
# A number, because Kubernetes cannot tell that a name is not root.
USER 10001:10001
EXPOSE 8000
# Web and worker finish what they have begun on SIGTERM.
STOPSIGNAL SIGTERM
# A worker does not listen: run it with --no-healthcheck. No proxy, as it asks this container.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/healthz', timeout=3)"]
ENTRYPOINT ["mercately-relay"]
CMD ["web"]
