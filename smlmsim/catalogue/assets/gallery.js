"use strict";
const main = document.querySelector("main");
const cards = [...main.children];
const words = document.querySelector("#words");
const order = document.querySelector("#order");
const chips = [...document.querySelectorAll(".chips button")];

function show() {
  const sought = words.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const chosen = chips.filter(chip => chip.ariaPressed === "true").map(chip => chip.dataset.term);
  let number = 0;
  for (const card of cards) {
    const terms = card.dataset.terms.split("|");
    const fits = sought.every(word => card.dataset.words.includes(word)) && chosen.every(term => terms.includes(term));
    card.hidden = !fits;
    number += fits;
  }
  document.querySelector("#shown").textContent = `${number} of ${cards.length} shown`;
}

function sort() {
  const by = order.value;
  const last = by === "localizations" || by === "rate" ? -1 : 1;
  const value = card => card.dataset[by] === "" ? Infinity : last * Number(card.dataset[by]);
  const compare = by === "name"
    ? (a, b) => a.dataset.name.localeCompare(b.dataset.name)
    : (a, b) => (value(a) === value(b) ? 0 : value(a) - value(b));
  main.append(...cards.sort(compare));
}

words.addEventListener("input", show);
order.addEventListener("change", sort);
for (const chip of chips) {
  chip.addEventListener("click", () => {
    chip.ariaPressed = String(chip.ariaPressed !== "true");
    show();
  });
}
// A link to a card that a search hides shows all again.
main.addEventListener("click", event => {
  const card = document.querySelector(event.target.closest(".similar a")?.getAttribute("href") ?? "none");
  if (!card?.hidden) return;
  words.value = "";
  for (const chip of chips) chip.ariaPressed = "false";
  show();
});
sort();
show();
