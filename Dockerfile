# docker build -t seqsearch . && docker run -p 127.0.0.1:8080:8080 -v "$PWD/refs.ss:/data/refs.ss" seqsearch /data/refs.ss
# Models other than the default one need torch: --build-arg EXTRAS=serve,frames,large,train
FROM python:3.11-slim AS build
ARG EXTRAS=serve,frames,large
COPY pyproject.toml constraints.txt README.md LICENSE /src/
COPY seqsearch /src/seqsearch
COPY tools /src/tools
RUN python -m venv /opt/seqsearch \
 && /opt/seqsearch/bin/pip install --no-cache-dir -c /src/constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu "/src[$EXTRAS]" \
 && /opt/seqsearch/bin/seqsearch warm-up --level x86-64-v3

FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/seqsearch /opt/seqsearch
ENV PATH=/opt/seqsearch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MPLCONFIGDIR=/tmp
USER nobody
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz')"]
ENTRYPOINT ["seqsearch", "serve", "--host", "0.0.0.0"]
