// Show a passage in a dialog, with what the answer takes from it marked.
import { find, make } from "./elements.js";

const MIN_MARKED = 12; // shorter pieces stand in many places

/** Return the name of a source's place: document, headings and page. */
export function placeOf(source) {
  const title = source.title || source.source;
  const headings = source.heading ? source.heading.split(" > ") : [];
  if (headings[0] === title) headings.shift(); // a document's first heading is often its title
  return [title, ...headings, source.page ? `page ${source.page}` : ""].filter(Boolean).join(" › ");
}

/** Return the web address of a source's document; empty when none is known. */
export function linkOf(source) {
  const tagged = (source.tags ?? []).filter((tag) => tag.startsWith("url=")).map((tag) => tag.slice(4));
  for (const link of [...tagged, source.source]) {
    try {
      if (["http:", "https:"].includes(new URL(link).protocol)) return link;
    } catch { /* no address */ }
  }
  return "";
}

function piecesOf(answer) {
  return answer.split(/\[\d+\]|\n|(?<=[.!?…;·])\s+/).map((piece) => piece.replace(/^[\s•*·–-]+|[\s…]+$/g, "")).filter((piece) => piece.length >= MIN_MARKED);
}

/** Return the ranges of a text that stand in an answer, in order and without overlaps. */
function findQuoted(text, answer) {
  const ranges = [];
  for (const piece of piecesOf(answer)) {
    const words = piece.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const match = new RegExp(words.join("\\s+"), "u").exec(text);
    if (match) ranges.push([match.index, match.index + match[0].length]);
  }
  ranges.sort((one, two) => one[0] - two[0]);
  const merged = [];
  for (const [start, end] of ranges) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function mark(text, answer) {
  const nodes = [];
  let position = 0;
  for (const [start, end] of findQuoted(text, answer)) {
    nodes.push(text.slice(position, start), make("mark", {}, text.slice(start, end)));
    position = end;
  }
  nodes.push(text.slice(position));
  return nodes;
}

/** Open the dialog with a source. */
export function showPassage(source, number, answer) {
  const link = linkOf(source);
  const shownTags = (source.tags ?? []).filter((tag) => !/^(url|also)=/.test(tag));
  find("passage-title").textContent = `[${number}] ${source.title || source.source}`;
  find("passage-place").textContent = [source.source, source.heading, source.page ? `page ${source.page}` : "", ...shownTags].filter(Boolean).join(" · ");
  find("passage-link").replaceChildren(link ? make("a", { href: link, target: "_blank", rel: "noopener noreferrer" }, "Open the original") : "");
  find("passage-text").replaceChildren(...mark(source.text, answer));
  find("passage").showModal();
  find("passage-text").querySelector("mark")?.scrollIntoView({ block: "center" });
}
