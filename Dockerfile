# A server of one version, without its documents and training. docs/deploy-elsewhere.md says how to build and run it.
FROM python:3.11-slim-bookworm
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libfribidi0 libgomp1 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /multichain
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY commandline commandline
COPY model model
COPY serving serving
RUN useradd --create-home multichain
USER multichain
ENV PYTHONUNBUFFERED=1 MLFLOW_TRACKING_URI=sqlite:////tmp/mlflow.db
EXPOSE 5000
HEALTHCHECK --start-period=60s --interval=10s --timeout=5s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/readyz', timeout=4)"]
ENTRYPOINT ["python", "-m", "serving", "up", "--host", "0.0.0.0", "--allow-host", "*", "--target", "/version"]
