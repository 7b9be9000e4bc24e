// Say whether an answer was good, with a reason.
import { announce, make } from "./elements.js";
import { noteFeedback } from "./server.js";

const UNTRACED = "Feedback cannot be noted, since requests are not traced here (MULTICHAIN_TRACES=1 traces them).";

/** Return the buttons for an answer's feedback, or the reason why there are none. */
export function makeFeedback(traceId) {
  if (!traceId) return make("p", { className: "reason" }, UNTRACED);
  const place = make("div", { className: "feedback" });
  const buttons = [["Good answer", true, "up"], ["Bad answer", false, "down"]].map(([words, good, thumb]) => {
    const button = make("button", { type: "button" }, make("img", { src: `page/thumb-${thumb}.svg`, alt: "", width: 16, height: 16 }), ` ${words}`);
    button.addEventListener("click", () => askReason(place, traceId, good));
    return button;
  });
  place.append(make("div", { className: "tools", role: "group", ariaLabel: "Feedback" }, ...buttons));
  return place;
}

function askReason(place, traceId, good) {
  place.querySelector("form")?.remove();
  const reason = make("input", { type: "text", name: "reason", maxLength: 2000, dir: "auto" });
  const form = make("form", { className: "feedback-form" }, make("label", { className: "field" }, make("span", {}, good ? "What is good about it?" : "What is wrong with it?"), reason), make("button", { type: "submit" }, "Send"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await noteFeedback(traceId, good, reason.value.trim());
      place.replaceChildren(make("p", { className: "reason" }, good ? "Noted as good. Thank you." : "Noted as bad. Thank you."));
      announce("The feedback is noted.");
    } catch (error) {
      form.append(make("p", { className: "error", role: "alert" }, error.message));
    }
  });
  place.append(form);
  reason.focus();
}
