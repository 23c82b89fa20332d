// Chapters open on a click, by a link, and for printing.
const whenShown = new Map(); // element -> what is to be done when it is first shown

function reveal(element) {
  for (let fold = element; fold; fold = fold.parentElement?.closest("details")) {
    if (fold.tagName === "DETAILS") fold.open = true;
  }
  prepare();
}

// Does what waits for the elements that are shown now: an enhanced table or plot needs its width.
function prepare() {
  for (const [element, work] of whenShown) {
    if (element.getClientRects().length) {
      whenShown.delete(element);
      work();
    }
  }
}

function openAddress() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (name.startsWith("head=")) {
    showHead(name.slice("head=".length).replace(":", " "));
    return;
  }
  const target = name && document.getElementById(name);
  if (!target) return;
  reveal(target);
  target.scrollIntoView();
}

document.addEventListener("toggle", prepare, true); // toggle does not bubble
addEventListener("hashchange", openAddress);
document.addEventListener("click", (event) => {
  // A link to where the address points already changes nothing, and must open its chapter again.
  const link = event.target.closest('a[href^="#"]');
  if (link && link.hash === location.hash) openAddress();
});

let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open]):not(.interactive)")];
  opened.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => opened.forEach((fold) => { fold.open = false; }));
