"""Draw docs/gallery: ten requests, answered by the offline profile over the documents of this project."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from model.contract.requests import parse_requests
from model.profile import Profile
from model.retrieval.local.index import Index
from training.indexing.build import build_index

ROOT = Path(__file__).parent.parent
SIZE = "1152x648"
QUESTION = {"question": "Tell me about LangChain."}
PROMPTS: list[tuple[str, dict[str, Any]]] = [
    ("langchain", {"image_generation": {"prompt": "A conceptual diagram of LangChain in use"}}),
    (
        "answer",
        {
            "qa": QUESTION,
            "image_generation": {"prompt": "A diagram of: {qa.answer}", "sources": "{qa.sources}"},
        },
    ),
    ("line", {"image_generation": {"prompt": "Flow of a training run: build, log, verify, register, then promote"}}),
    ("request", {"image_generation": {"prompt": "question -> retriever -> passages -> chat model -> answer"}}),
    (
        "lakehouse",
        {
            "image_generation": {
                "prompt": "The layers of a lakehouse: clients (notebooks, dashboards, endpoints), Spark, "
                "Delta Lake (tables, log), object storage"
            }
        },
    ),
    (
        "shop",
        {
            "image_generation": {
                "prompt": "A web shop where the browser calls the API, the API reads the database and writes the log",
                "style": "layers",
                "sources": [],
            }
        },
    ),
    (
        "photosynthesis",
        {
            "image_generation": {
                "prompt": "Photosynthesis turns water and light into sugar and oxygen",
                "sources": [],
            }
        },
    ),
    ("chinese", {"image_generation": {"prompt": "水循环:蒸发、凝结、降水、径流", "sources": []}}),
    ("hindi", {"image_generation": {"prompt": "जल चक्र: वाष्पीकरण, संघनन, वर्षा", "sources": []}}),
    ("arabic", {"image_generation": {"prompt": "دورة الماء: تبخر، تكاثف، هطول", "style": "flow", "sources": []}}),
]


_ABOUT = (
    "Ten requests and their pictures. The offline profile answers them over the documents of this project, without a "
    "key, a network or an image model. Run `python docs/gallery.py` to draw the pictures again."
)


def main() -> None:
    """Write a picture for each prompt, and docs/gallery.md."""
    profile = Profile.read("offline")
    pictures = ROOT / "docs" / "gallery"
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        result = build_index(profile, [ROOT / "documents"], Path(folder) / "index", lambda _done, _total: None)
        pipeline = profile.make_pipeline(profile.make_retriever(Index.open(result.folder)))
        requests = [
            request | {"image_generation": request["image_generation"] | {"size": SIZE}} for _, request in PROMPTS
        ]
        responses = pipeline.answer_requests(parse_requests(requests, pipeline.contract).requests)
    lines = [
        "# Gallery",
        "",
        _ABOUT,
    ]
    for (name, request), response in zip(PROMPTS, responses, strict=True):
        image_fields = response["image_generation"]
        if image_fields["error"]:
            raise SystemExit(f"{name}: {image_fields['error']}")
        (pictures / f"{name}.png").write_bytes(base64.b64decode(image_fields["image"]))
        request_text = json.dumps(request, ensure_ascii=False)
        lines += [
            "",
            f"`{request_text}`",
            "",
            f"![{image_fields['alt_text']}](gallery/{name}.png)",
            "",
            f"> {image_fields['alt_text']}",
        ]
    (ROOT / "docs" / "gallery.md").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
