# Databricks notebook source
# MAGIC %md
# MAGIC # From three texts to one model that answers and draws
# MAGIC
# MAGIC The eight steps of the exercise *Multi-stage Reasoning with LangChain using Azure Databricks*, with this project. The notebook
# MAGIC runs in a Git folder on Databricks, and as a plain script: `python notebooks/walkthrough.py`. No step needs a key; if you have
# MAGIC one, name another profile in step 3.

# COMMAND ----------

# MAGIC %md
# MAGIC ## 1, 2. A workspace and a cluster
# MAGIC
# MAGIC On Databricks, this notebook is in a workspace already. For a cluster of your own, set *Terminate after … minutes*: otherwise the
# MAGIC cluster runs, and costs, until somebody stops it. Serverless compute ends by itself.

# COMMAND ----------

# MAGIC %md
# MAGIC ## 3. Libraries, and the profile that answers

# COMMAND ----------

# MAGIC %pip install -q -r ../requirements-job.lock

# COMMAND ----------

import os
import sys
import tempfile
from pathlib import Path

HERE = Path(globals().get("__file__", Path.cwd() / "walkthrough.py")).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.append(str(HERE.parent))  # a notebook starts in its own folder, not in the root with the packages

PROFILE = os.environ.get("PROFILE", "offline")  # or openai, azure, databricks; see docs/providers.md
ON_DATABRICKS = "DATABRICKS_RUNTIME_VERSION" in os.environ
NAME = os.environ.get("NAME", "main.default.walkthrough" if ON_DATABRICKS else "walkthrough")
WORK = Path(tempfile.mkdtemp(prefix="walkthrough-"))
if not ON_DATABRICKS:
    os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{WORK}/mlflow.db")
    os.chdir(WORK)  # MLflow writes files into the current folder

# COMMAND ----------

# MAGIC %md
# MAGIC ## 4. A vector index of three texts

# COMMAND ----------

from model.profile import Profile
from training.indexing.build import build_index

TEXTS = {
    "azure-databricks.txt": "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform.",
    "langchain.txt": "LangChain is a framework designed to simplify the creation of applications using large language models.",
    "gpt-4.txt": "GPT-4 is a powerful language model developed by OpenAI.",
}
for file, text in TEXTS.items():
    (WORK / "texts").mkdir(exist_ok=True)
    (WORK / "texts" / file).write_text(text, "utf-8")

built = build_index(Profile.read(PROFILE), [WORK / "texts"], WORK / "index", lambda _done, _total: None)
print(f"{built.manifest.chunks} chunks, {built.manifest.dimension} dimensions, by {built.manifest.embedding['model']}")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 5, 6, 7. Answers, pictures, and both as one model
# MAGIC
# MAGIC The profile names the stages. `log_model` packages the stages and the index as one MLflow model, and `register_model` registers a
# MAGIC version of the model.

# COMMAND ----------

import mlflow

from training.packaging.log_model import log_model
from training.versions.registry import set_champion, register_model

version = register_model(log_model(PROFILE, built.folder), NAME)
set_champion(NAME, version)
model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")

answer = model.predict({"qa": {"question": "What is Azure Databricks?"}})["qa"]
print(answer["answer"], "·", answer["answered_by"])

# COMMAND ----------

both = model.predict(
    {
        "qa": {"question": "Tell me about LangChain."},
        "image_generation": {"prompt": "A conceptual diagram of LangChain in use"},
    }
)
print(both["qa"]["answer"])
print(both["image_generation"]["alt_text"])

# COMMAND ----------

import base64

picture = both["image_generation"]
if ON_DATABRICKS:
    displayHTML(f'<img width="900" src="data:{picture["mime_type"]};base64,{picture["image"]}">')  # noqa: F821 - a function of Databricks notebooks
else:
    picture_file = WORK / "picture.png"
    picture_file.write_bytes(base64.b64decode(picture["image"]))
    print(picture_file)

# COMMAND ----------

# MAGIC %md
# MAGIC ## 8. Clean up
# MAGIC
# MAGIC This notebook has made a registered model and a folder. `python -m serving teardown` removes endpoints, jobs and clusters, checks
# MAGIC again, and says when nothing billable is left.

# COMMAND ----------

import shutil

from mlflow import MlflowClient

if os.environ.get("KEEP") != "1":
    client = MlflowClient()
    client.delete_registered_model_alias(NAME, "champion")
    client.delete_registered_model(NAME)
    shutil.rmtree(WORK)
    print(f"{NAME} and {WORK} are deleted")
