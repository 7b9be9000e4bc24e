// The page: a form made from the version's description, and a conversation.
import { Turn } from "./answer.js";
import { announce, find, make } from "./elements.js";
import { StageForm, mainInput, takesHistory } from "./form.js";
import { describe, stream } from "./server.js";

const MAX_HISTORY = 20; // turns that accompany a follow-up
let description;
let forms = [];
let history = [];
let running = null;

function tellProblem(sentence) {
  find("problem").textContent = sentence;
  find("problem").hidden = !sentence;
}

function showStart() {
  const form = forms.find((each) => mainInput(each.stage));
  const example = description.example?.[form?.name]?.[form && mainInput(form.stage)];
  const questions = description.questions?.length ? description.questions : [example].filter(Boolean);
  const items = questions.map((question) => {
    const button = make("button", { type: "button", dir: "auto" }, question);
    button.addEventListener("click", () => {
      form.choose(question);
      find("request").requestSubmit();
    });
    return make("li", {}, button);
  });
  find("questions").replaceChildren(...items);
  find("beginning").hidden = !items.length;
}

function clearConversation() {
  running?.abort();
  history = [];
  for (const image of find("conversation").querySelectorAll("img")) URL.revokeObjectURL(image.src);
  find("conversation").replaceChildren();
  showStart();
  forms[0]?.main?.control.focus();
  announce("A new conversation.");
}

function remember(turn) {
  for (const [name, view] of Object.entries(turn.stages)) {
    const stage = description.stages[name];
    if (takesHistory(stage) && view.fields) {
      history.push({ question: turn.request[name][mainInput(stage)], answer: view.fields.abstained ? "" : view.text ?? "" });
      history = history.slice(-MAX_HISTORY);
      return;
    }
  }
}

async function ask(event) {
  event.preventDefault();
  const chosen = forms.filter((form) => form.isChosen);
  if (!chosen.length || running) {
    tellProblem(running ? "" : "Choose a stage first.");
    return;
  }
  tellProblem("");
  const request = Object.fromEntries(chosen.map((form) => [form.name, form.read(history)]));
  const turn = new Turn(request, chosen.map((form) => form.text), description);
  find("beginning").hidden = true;
  find("conversation").append(turn.element);
  running = new AbortController();
  setBusy(true);
  turn.element.scrollIntoView({ block: "nearest" });
  try {
    for await (const each of stream(request, running.signal)) turn.take(each);
    remember(turn);
    chosen.forEach((form) => form.clear());
  } catch (error) {
    if (running.signal.aborted) turn.stop();
    else turn.fail(error.message === "Failed to fetch" ? "The server cannot be reached; is it still running?" : error.message);
  } finally {
    running = null;
    setBusy(false);
    turn.element.scrollIntoView({ block: "nearest" });
  }
}

function setBusy(isBusy) {
  find("send").disabled = isBusy;
  find("stop").hidden = !isBusy;
  if (isBusy) announce("Working …");
}

async function start() {
  try {
    description = await describe();
  } catch (error) {
    tellProblem(error.message);
    return;
  }
  find("target").textContent = description.target;
  forms = Object.entries(description.stages).map(([name, stage], position) => new StageForm(name, stage, position === 0));
  find("choice").replaceChildren(...forms.map((form) => form.choice));
  find("stages").replaceChildren(...forms.map((form) => form.element));
  find("request").addEventListener("submit", ask);
  find("request").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.tagName !== "TEXTAREA") return;
    event.preventDefault();
    find("request").requestSubmit();
  });
  find("stop").addEventListener("click", () => running?.abort());
  find("new").addEventListener("click", clearConversation);
  showStart();
  forms[0]?.main?.control.focus();
}

start();
