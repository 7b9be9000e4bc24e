"""Answer ``images/generations`` and the image tool of ``responses`` with a card that shows the prompt."""

import base64
import io
import re
import textwrap
from functools import lru_cache
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from starlette.responses import JSONResponse, Response

from . import models
from .errors import RefusedError, invalid_request, require_parameters

_FIXED = {"gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini"}
_CHOICES = {
    "quality": {"low", "medium", "high", "auto"},
    "output_format": {"png", "jpeg", "webp"},
    "background": {"transparent", "opaque", "auto"},
    "moderation": {"low", "auto"},
}
_MODERATED_WORDS = "weapon"
"""The word that makes the stand-in's moderation refuse a prompt."""


def generate(body: dict[str, Any]) -> Response:
    """Return the response of the Images API.

    Raises:
        RefusedError: The API does not accept the request, or moderation refuses the prompt.
    """
    require_parameters(body, "images", {"prompt"})
    entry = models.find_model(body.get("model", "gpt-image-2"), "image")
    if not isinstance(body["prompt"], str) or not 1 <= len(body["prompt"]) <= 32_000:
        raise invalid_request("Invalid 'prompt': expected 1 to 32000 characters.", "prompt", "string_above_max_length")
    if body.get("n", 1) not in range(1, 11):
        raise invalid_request("Invalid 'n': expected 1 to 10.", "n")
    size = _check_body(body, entry.name)
    if _MODERATED_WORDS in body["prompt"].lower():
        raise RefusedError(
            400, "moderation_blocked", f"Your request was rejected: {body['prompt']}", **_moderation_error()
        )
    encoded = base64.b64encode(draw_card(body["prompt"], size, body.get("output_format", "png"))).decode()
    usage = _make_usage(body["prompt"], size)
    return JSONResponse({"created": 1_790_000_000, "data": [{"b64_json": encoded}] * body.get("n", 1), "usage": usage})


def respond(body: dict[str, Any]) -> Response:
    """Return the response of the Responses API, whose image tool draws the picture.

    Moderation does not refuse the request here: the tool call fails with an error object, as in the API.

    Raises:
        RefusedError: The API does not accept the request, or the request has no image tool.
    """
    require_parameters(body, "responses", {"model", "input"})
    entry = models.find_model(body["model"], "chat")
    tool = next((tool for tool in body.get("tools", ()) if tool.get("type") == "image_generation"), None)
    if tool is None:
        raise invalid_request("The stand-in supports only the tool 'image_generation'; add it to 'tools'.", "tools")
    require_parameters(tool, "image_tool", {"type"})
    size = _check_body(tool, tool.get("model", "gpt-image-2"))
    prompt = str(body["input"])
    call: dict[str, Any] = {"id": "ig_standin", "type": "image_generation_call", "status": "completed", "result": None}
    if _MODERATED_WORDS in prompt.lower():
        error = {"code": "moderation_blocked", "message": "rejected", "type": "image_generation_user_error"}
        call |= {"status": "failed", "error": error | _moderation_error()}
    else:
        content = draw_card(prompt, size, tool.get("output_format", "png"))
        call |= {"result": base64.b64encode(content).decode(), "revised_prompt": f"A card that says: {prompt}"}
    input_tokens = models.count_tokens(prompt)
    usage = {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": input_tokens + 20,
    }
    common = {"id": "resp_standin", "object": "response", "created_at": 1_790_000_000, "model": entry.name}
    common |= {"status": "completed", "parallel_tool_calls": True, "tool_choice": "auto", "tools": body["tools"]}
    tool_usage = {"image_gen": _make_usage(prompt, size), "web_search": {"num_requests": 0}}
    return JSONResponse(common | {"output": [call], "usage": usage, "tool_usage": tool_usage})


@lru_cache(8)
def draw_card(prompt: str, size: tuple[int, int], output_format: str) -> bytes:
    """Return a picture of the prompt on a coloured ground, with a line that names the stand-in.

    Args:
        prompt: Text on the card.
        size: Width and height in pixels.
        output_format: ``png``, ``jpeg`` or ``webp``.

    Returns:
        The encoded picture.
    """
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


def _check_body(body: dict[str, Any], model: str) -> tuple[int, int]:
    """Check a request for a picture and return its width and height in pixels.

    Raises:
        RefusedError: GPT image models do not accept the request.
    """
    for name, choices in _CHOICES.items():
        if body.get(name, "auto" if name != "output_format" else "png") not in choices:
            raise invalid_request(
                f"Invalid value for '{name}': expected one of {sorted(choices)}.", name, "invalid_value"
            )
    if "output_compression" in body and body.get("output_format", "png") == "png":
        raise invalid_request("'output_compression' is for jpeg and webp.", "output_compression")
    if body.get("background") == "transparent" and body.get("output_format", "png") == "jpeg":
        raise invalid_request("A transparent background needs png or webp.", "background")
    size = body.get("size", "auto")
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if size == "auto":
        return 1024, 1024
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    usual = size in {"1024x1024", "1536x1024", "1024x1536"}
    free = model not in _FIXED and width and not (width % 16 or height % 16) and 1 / 3 <= width / height <= 3
    if not usual and not (free and width <= 3840 and height <= 2160):
        raise invalid_request(f"Invalid size '{size}'.", "size", "invalid_value")
    return width, height


def _make_usage(prompt: str, size: tuple[int, int]) -> dict[str, Any]:
    text_tokens, image_tokens = models.count_tokens(prompt), size[0] * size[1] // 256
    details = {"image_tokens": 0, "text_tokens": text_tokens}
    return {
        "input_tokens": text_tokens,
        "output_tokens": image_tokens,
        "total_tokens": text_tokens + image_tokens,
        "input_tokens_details": details,
        "output_tokens_details": {"image_tokens": image_tokens, "text_tokens": 0},
    }


def _moderation_error() -> dict[str, Any]:
    return {"moderation_details": {"categories": ["violence"], "moderation_stage": "input"}}
