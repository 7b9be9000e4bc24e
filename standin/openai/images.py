"""``images/generations`` and the image tool of ``responses``: a card with the prompt on it."""

import base64
import io
import re
import textwrap
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from starlette.responses import JSONResponse, Response

from . import models
from .errors import RefusedError, invalid, only

_FIXED = {"gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini"}
_CHOICES = {
    "quality": {"low", "medium", "high", "auto"},
    "output_format": {"png", "jpeg", "webp"},
    "background": {"transparent", "opaque", "auto"},
    "moderation": {"low", "auto"},
}
_REFUSED = "weapon"
"""The word in a prompt that the stand-in's moderation refuses."""


def generate(body: dict[str, Any]) -> Response:
    """The Images API. Raises RefusedError."""
    only(body, "images", {"prompt"})
    entry = models.find(body.get("model", "gpt-image-2"), "image")
    if not isinstance(body["prompt"], str) or not 1 <= len(body["prompt"]) <= 32_000:
        raise invalid("Invalid 'prompt': expected 1 to 32000 characters.", "prompt", "string_above_max_length")
    if body.get("n", 1) not in range(1, 11):
        raise invalid("Invalid 'n': expected 1 to 10.", "n")
    size = _check(body, entry.name)
    if _REFUSED in body["prompt"].lower():
        raise RefusedError(400, "moderation_blocked", f"Your request was rejected: {body['prompt']}", **_moderation())
    encoded = base64.b64encode(draw(body["prompt"], size, body.get("output_format", "png"))).decode()
    usage = _usage(body["prompt"], size)
    return JSONResponse({"created": 1_790_000_000, "data": [{"b64_json": encoded}] * body.get("n", 1), "usage": usage})


def respond(body: dict[str, Any]) -> Response:
    """The Responses API, with the image tool. Raises RefusedError."""
    only(body, "responses", {"model", "input"})
    entry = models.find(body["model"], "chat")
    tool = next((tool for tool in body.get("tools", ()) if tool.get("type") == "image_generation"), None)
    if tool is None:
        raise invalid("The stand-in answers with pictures alone: give it the tool image_generation.", "tools")
    only(tool, "image_tool", {"type"})
    size = _check(tool, tool.get("model", "gpt-image-2"))
    prompt = str(body["input"])
    call: dict[str, Any] = {"id": "ig_standin", "type": "image_generation_call", "status": "completed", "result": None}
    if _REFUSED in prompt.lower():
        error = {"code": "moderation_blocked", "message": "rejected", "type": "image_generation_user_error"}
        call |= {"status": "failed", "error": error | _moderation()}
    else:
        content = draw(prompt, size, tool.get("output_format", "png"))
        call |= {"result": base64.b64encode(content).decode(), "revised_prompt": f"A card that says: {prompt}"}
    asked = models.tokens(prompt)
    usage = {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + 20,
    }
    common = {"id": "resp_standin", "object": "response", "created_at": 1_790_000_000, "model": entry.name}
    common |= {"status": "completed", "parallel_tool_calls": True, "tool_choice": "auto", "tools": body["tools"]}
    told = {"image_gen": _usage(prompt, size), "web_search": {"num_requests": 0}}
    return JSONResponse(common | {"output": [call], "usage": usage, "tool_usage": told})


@lru_cache(8)
def draw(prompt: str, size: tuple[int, int], output_format: str) -> bytes:
    """A card with the prompt on a coloured ground, and what made it."""
    image = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", [image.point(lambda v, k=k: 40 + v * k // 255) for k in (40, 110, 150)])
    pen = ImageDraw.Draw(image)
    points = max(12, min(size) // 18)
    lines = textwrap.wrap(prompt, 28)[:8] or [""]
    font = ImageFont.load_default(points)
    pen.multiline_text((size[0] / 2, size[1] / 2), "\n".join(lines), "white", font, anchor="mm", align="center")
    foot = ImageFont.load_default(max(10, points // 2))
    pen.text((size[0] / 2, size[1] - points), "drawn by multichain's stand-in", "white", foot, anchor="mm")
    out = io.BytesIO()
    image.save(out, output_format)
    return out.getvalue()


def _check(body: dict[str, Any], model: str) -> tuple[int, int]:
    """The size that is asked for. Raises RefusedError for what GPT image models do not take."""
    for name, choices in _CHOICES.items():
        if body.get(name, "auto" if name != "output_format" else "png") not in choices:
            raise invalid(f"Invalid value for '{name}': expected one of {sorted(choices)}.", name, "invalid_value")
    if "output_compression" in body and body.get("output_format", "png") == "png":
        raise invalid("'output_compression' is for jpeg and webp.", "output_compression")
    if body.get("background") == "transparent" and body.get("output_format", "png") == "jpeg":
        raise invalid("A transparent background needs png or webp.", "background")
    size = body.get("size", "auto")
    found = re.fullmatch(r"(\d+)x(\d+)", size)
    if size == "auto":
        return 1024, 1024
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    usual = size in {"1024x1024", "1536x1024", "1024x1536"}
    free = model not in _FIXED and width and not (width % 16 or height % 16) and 1 / 3 <= width / height <= 3
    if not usual and not (free and width <= 3840 and height <= 2160):
        raise invalid(f"Invalid size '{size}'.", "size", "invalid_value")
    return width, height


def _usage(prompt: str, size: tuple[int, int]) -> dict[str, Any]:
    asked, drawn = models.tokens(prompt), size[0] * size[1] // 256
    details = {"image_tokens": 0, "text_tokens": asked}
    return {
        "input_tokens": asked,
        "output_tokens": drawn,
        "total_tokens": asked + drawn,
        "input_tokens_details": details,
        "output_tokens_details": {"image_tokens": drawn, "text_tokens": 0},
    }


def _moderation() -> dict[str, Any]:
    return {"moderation_details": {"categories": ["violence"], "moderation_stage": "input"}}
