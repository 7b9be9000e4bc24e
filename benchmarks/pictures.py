"""Draw twenty pictures over three collections, to be looked at: ``python -m benchmarks.pictures FOLDER``.

The collections are the invented office, this project's own documents, and paragraphs of the XQuAD development set. Each
picture is written with the words of its diagram, and with the note about where its nodes come from.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.office import build_office_index
from model.passages import Passage
from model.profile import Profile
from model.providers.offline.diagrams import OfflineDiagramGenerator
from model.retrieval.local.index import Index
from model.retrieval.retriever import Retriever
from training.indexing.build import build_index
from training.progress import ignore_progress

ROOT = Path(__file__).parent.parent
XQUAD = ROOT.parent / "shared" / "data" / "xquad-en-dev.json"
OFFICE = (
    "How do I restore a folder from the backup?",
    "A diagram of the backup schedule and retention",
    "Steps of the calibration of a transmitter",
    "The sites of Halden Instruments",
    "A timeline of the mail outage of November 2024",
    "What to do when the display of HX-7210 stays dark",
    "Ablauf: Batterie wechseln",
    "A map of the company's management",
)
GUIDE = (
    "A conceptual diagram of LangChain in use",
    "The steps of python -m training run",
    "Architecture of Azure Databricks",
    "How a request is chained",
    "What a version contains",
    "A picture of the retrieval",
)
WIKI = (
    "A diagram of photosynthesis and oxygen",
    "The history of the Huguenots",
    "How a bill passes the Scottish Parliament",
    "The structure of the IPCC",
    "A dragon in front of a castle",
    "Spread of the Black Death",
)


def read_wiki(folder: Path) -> Path:
    """Write each article of the development set as a text file, and return the folder."""
    folder.mkdir()
    for article in json.loads(XQUAD.read_text("utf-8"))["data"]:
        text = "\n\n".join(paragraph["context"] for paragraph in article["paragraphs"])
        (folder / f"{article['title'].replace('/', '-')}.txt").write_text(text, "utf-8")
    return folder


def build(documents: Path, folder: Path) -> Index:
    """Return the index of the documents."""
    return Index.open(build_index(Profile.read("offline"), [documents], folder, ignore_progress).folder)


async def draw_all(index: Index, prompts: tuple[str, ...], out: Path, label: str) -> None:
    """Draw each prompt as the offline profile does."""
    retriever: Retriever = Profile.read("offline").make_retriever(index)
    for number, prompt in enumerate(prompts, 1):
        passages: list[Passage] = await retriever.search(prompt, 4)
        image = await OfflineDiagramGenerator().draw(prompt, passages, style="", size="1152x648", sample=1)
        (out / f"{label}-{number}.png").write_bytes(image.content)
        print(f"{label}-{number} {prompt}\n    {image.alt_text}")


def main(out: Path) -> None:
    """Draw all pictures into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "office").mkdir()
        collections = [(build_office_index(folder / "office"), OFFICE, "office")]
        collections.append((build(ROOT / "documents", folder / "guide-index"), GUIDE, "guide"))
        if XQUAD.exists():
            collections.append((build(read_wiki(folder / "wiki"), folder / "wiki-index"), WIKI, "wiki"))
        for index, prompts, label in collections:
            asyncio.run(draw_all(index, prompts, out, label))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
