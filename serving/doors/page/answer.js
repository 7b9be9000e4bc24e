// Show what a request gives: the answer as it comes, its sources, pictures, notes, cost and errors.
import { announce, make } from "./elements.js";
import { makeFeedback } from "./feedback.js";
import { placeOf, showPassage } from "./passage.js";
import { makeDrawer } from "./snippets.js";

const COMMON = new Set(["ran", "error", "seconds", "answered_by", "notes", "usage", "sources", "abstained", "support", "mime_type", "url", "sha256", "alt_text"]);

/** Return a sentence without the code that stands before it. */
const withoutCode = (text) => text.replace(/^[a-z_]+: /, "").replace(/^./, (letter) => letter.toUpperCase());

function toBlobUrl(base64, type) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.codePointAt(0));
  return URL.createObjectURL(new Blob([bytes], { type }));
}

/** What one stage gives, shown as it comes. */
class StageView {
  constructor(name, stage, withTitle) {
    this.name = name;
    this.stage = stage;
    this.sources = [];
    this.streamed = "";
    this.announced = 0;
    this.image = stage.outputs.find((field) => field.kind === "image")?.name;
    this.texts = stage.outputs.filter((field) => field.kind === "text" && !COMMON.has(field.name));
    this.answer = make("p", { className: "answer", dir: "auto", attributes: { "aria-busy": "true" } });
    this.rest = make("div", {});
    this.element = make("section", {}, withTitle ? make("h3", {}, name) : null, this.image ? null : this.answer, this.rest);
    if (this.image) this.rest.append(make("p", { className: "reason" }, "The picture is being made …"));
  }

  take(event) {
    if (event.kind === "token") this.addText(event.text);
    else if (event.kind === "source") this.sources.push(event.source);
    else if (event.kind === "image") this.picture = event.image;
    else if (event.kind === "error") this.fail(event.error);
    else if (event.kind === "done") this.finish(event.fields);
  }

  addText(text) {
    this.streamed += text;
    this.answer.textContent = this.streamed;
    const end = this.streamed.lastIndexOf(". ");
    if (end > this.announced) {
      announce(this.streamed.slice(this.announced, end + 1)); // sentence by sentence, not token by token
      this.announced = end + 1;
    }
  }

  fail(error) {
    this.isDone = true;
    this.answer.removeAttribute("aria-busy");
    if (!this.streamed) this.answer.hidden = true;
    this.rest.replaceChildren(make("p", { className: "error", role: "alert" }, withoutCode(error)));
  }

  stop() {
    if (this.isDone) return;
    this.answer.removeAttribute("aria-busy");
    this.rest.replaceChildren(make("p", { className: "reason" }, "Stopped."));
  }

  finish(fields) {
    this.isDone = true;
    this.fields = fields;
    this.sources = fields.sources ?? [];
    this.answer.removeAttribute("aria-busy");
    this.rest.replaceChildren();
    const [main, ...others] = this.texts;
    if (main && !this.image) {
      this.text = String(fields[main.name]);
      this.answer.replaceChildren(...this.linkCitations(this.text));
      this.answer.classList.toggle("abstained", fields.abstained === true);
      if (!this.text) this.answer.hidden = true;
    }
    if (fields.abstained) this.rest.append(make("p", { className: "reason" }, "The documents do not answer this question. The nearest passages follow."));
    for (const field of others) {
      if (fields[field.name]) this.rest.append(make("p", { dir: "auto" }, make("strong", {}, `${field.name}: `), String(fields[field.name])));
    }
    this.rest.append(...this.showPicture(fields), ...this.showSources(), ...this.showFacts(fields));
    announce(this.image ? fields.alt_text || "The picture is there." : (this.text ?? "").slice(this.announced));
  }

  linkCitations(text) {
    return text.split(/(\[\d+\])/).map((piece) => {
      const number = /^\[(\d+)\]$/.exec(piece)?.[1];
      const source = this.sources[number - 1];
      if (!source) return piece;
      const button = make("button", { type: "button", className: "citation", title: placeOf(source), ariaLabel: `Source ${number}: ${placeOf(source)}` }, number);
      button.addEventListener("click", () => showPassage(source, number, text));
      return button;
    });
  }

  showSources() {
    if (!this.sources.length) return [];
    const items = this.sources.map((source, position) => {
      const number = position + 1;
      const button = make("button", { type: "button", className: source.cited ? "cited" : "" }, `[${number}] ${placeOf(source)}`, source.cited ? make("span", { className: "unseen" }, " (cited)") : null);
      button.addEventListener("click", () => showPassage(source, number, this.text ?? ""));
      return make("li", { dir: "auto" }, button);
    });
    const list = make("ul", { className: "sources", ariaLabel: "Sources" }, ...items);
    const cited = this.sources.filter((source) => source.cited).length;
    return [make("details", { open: true }, make("summary", {}, `Sources: ${this.sources.length} found, ${cited} cited`), list)];
  }

  showPicture(fields) {
    if (!this.image) return [];
    const base64 = fields[this.image] || this.picture;
    const caption = make("figcaption", {}, `Made by ${fields.answered_by}. `);
    if (base64) {
      const url = toBlobUrl(base64, fields.mime_type || "image/png");
      const suffix = (fields.mime_type || "image/png").split("/")[1];
      caption.append(make("a", { href: url, download: `multichain.${suffix}` }, "Download the picture"));
      if (fields.alt_text) caption.append(make("details", {}, make("summary", {}, "The picture in words"), make("p", { dir: "auto" }, fields.alt_text)));
      return [make("figure", {}, make("img", { src: url, alt: fields.alt_text || "A picture without a description" }), caption)];
    }
    if (/^https?:\/\//.test(fields.url ?? "")) caption.append(make("a", { href: fields.url, target: "_blank", rel: "noopener noreferrer" }, "Open the picture"));
    else if (fields.url) caption.append(`It is stored at ${fields.url}`);
    return [make("figure", {}, caption)];
  }

  showFacts(fields) {
    const { usage } = fields;
    const tokens = usage.input_tokens + usage.output_tokens;
    const facts = [
      fields.answered_by,
      `${fields.seconds.toFixed(2)} s`,
      tokens ? `${tokens.toLocaleString("en")} tokens` : "",
      usage.cost_known ? (usage.cost ? `$${usage.cost.toFixed(4)}` : "no cost") : "cost not known",
      usage.cached ? "from the cache" : "",
    ];
    const notes = fields.notes.length ? [make("ul", { className: "notes", ariaLabel: "Notes" }, ...fields.notes.map((note) => make("li", { dir: "auto" }, withoutCode(note))))] : [];
    return [...notes, make("p", { className: "facts" }, facts.filter(Boolean).join(" · "))];
  }
}

/** One request and what it gives. */
export class Turn {
  constructor(request, texts, description) {
    this.request = request;
    this.description = description;
    const names = Object.keys(request);
    this.stages = Object.fromEntries(names.map((name) => [name, new StageView(name, description.stages[name], names.length > 1)]));
    this.element = make("article", { className: "turn", tabIndex: -1 }, make("h2", { className: "asked", dir: "auto" }, texts.filter(Boolean).join("\n")), ...Object.values(this.stages).map((view) => view.element));
  }

  take(event) {
    if (event.stage) this.stages[event.stage]?.take(event);
    else if (event.kind === "error") this.fail(withoutCode(event.error));
    else if (event.response) this.finish(event.response);
  }

  fail(message) {
    for (const view of Object.values(this.stages)) if (!view.isDone) view.fail(message);
  }

  stop() {
    for (const view of Object.values(this.stages)) view.stop();
    announce("Stopped.");
  }

  finish(response) {
    for (const [name, view] of Object.entries(this.stages)) {
      if (view.isDone) continue;
      if (response[name].error) view.fail(response[name].error);
      else if (response[name].ran) view.finish(response[name]);
      else view.element.replaceChildren(make("p", { className: "reason" }, `${name} was not needed.`));
    }
    const version = response.meta.version ? make("p", { className: "facts" }, `Answered by version ${response.meta.version}`) : null;
    this.element.append(...[version, makeFeedback(response.meta.trace_id), makeDrawer(this.request, this.description)].filter(Boolean));
  }
}
