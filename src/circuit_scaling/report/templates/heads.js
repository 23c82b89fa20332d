// The table of all heads, and the card that says everything that is known of one.
const known = JSON.parse(document.getElementById("heads-data").textContent);
const search = document.getElementById("head-search");
const card = document.getElementById("head-card");
const message = document.getElementById("head-message");
const SUGGESTED = 30;
const column = Object.fromEntries(known.columns.map((name, index) => [name, index]));
const nameOf = (row) => `${row[column.model]} ${row[column.head]}`;
const names = new Map(known.rows.map((row, index) => [nameOf(row).toLowerCase(), index]));

function element(tag, text, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  if (text !== undefined) made.textContent = text;
  return made;
}

function factTable(columns, rows) {
  const table = element("table");
  const head = table.createTHead().insertRow();
  columns.forEach((name) => head.append(element("th", name, { scope: "col" })));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((value) => { line.insertCell().textContent = value; });
  }
  return table;
}

function showHead(name) {
  const index = names.get(name.trim().toLowerCase().replace(/\s+/g, " "));
  message.textContent = index === undefined ? `No head is called “${name}”.` : "";
  if (index === undefined) {
    card.hidden = true;
    return;
  }
  const row = known.rows[index];
  const title = element("h3", nameOf(row), { tabIndex: -1 });
  const words = known.columns.slice(2, known.words).map((_, at) => row[at + 2]).filter(Boolean);
  const close = element("button", "Close", { type: "button", className: "close", onclick: closeHead });
  card.replaceChildren(title, close, element("p", words.join(" · "), { className: "facts" }));
  for (const section of known.sections) {
    const rows = section.rows[index];
    if (!rows) continue;
    const wide = element("div", undefined, { className: "wide", tabIndex: 0 });
    wide.setAttribute("role", "region");
    wide.setAttribute("aria-label", section.title);
    wide.append(factTable(section.columns, rows));
    const part = element("section");
    part.append(element("h4", section.title), wide);
    card.append(part);
  }
  card.hidden = false;
  search.value = nameOf(row);
  if (location.hash !== addressOf(row)) history.pushState(null, "", addressOf(row));
  card.scrollIntoView({ block: "nearest" });
  title.focus({ preventScroll: true });
}

function closeHead() {
  card.hidden = true;
  message.textContent = "";
  if (location.hash.startsWith("#head=")) history.pushState(null, "", "#heads");
  search.focus();
}

search.addEventListener("input", (event) => {
  const typed = search.value.trim().toLowerCase();
  const fitting = [...names.keys()].filter((name) => name.includes(typed)).slice(0, SUGGESTED);
  document.getElementById("head-names").replaceChildren(
    ...fitting.map((name) => element("option", undefined, { value: nameOf(known.rows[names.get(name)]) })),
  );
  // A name that is picked from the list opens its card; one that is typed may go on (L1H1, L1H12).
  if (event.inputType !== "insertText" && event.inputType !== "deleteContentBackward" && names.has(typed)) showHead(search.value);
});
document.getElementById("head-form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (search.value.trim()) showHead(search.value);
});
addEventListener("keydown", (event) => { if (event.key === "Escape" && !card.hidden) closeHead(); });

const addressOf = (row) => `#head=${encodeURIComponent(row[column.model])}:${row[column.head]}`;
const shown = (value, digits) => (value === null ? MISSING : value.toFixed(digits).replace("-", "−"));

// The name of a head leads to its card.
function headLink(row) {
  return element("a", row[column.head], { href: addressOf(row) });
}

const headsTable = document.getElementById("heads-table");
if (known.rows.length) {
  document.getElementById("head-example").textContent = nameOf(known.rows[0]);
  // Filters know categories by their names, and rows by what they are called.
  const categories = Object.fromEntries([...filters.elements.category.options].map(({ text, value }) => [text.trim(), value]));
  tagsOf.set(headsTable, (_, row) => ({
    ...Object.fromEntries(["family", "model", "competence"].map((name) => [name, row[column[name]]])),
    category: categories[row[column.category]] ?? row[column.category],
  }));
  // DataTables takes titles and cells for markup; names come from outside.
  const columns = known.columns.map((name, index) => {
    const title = element("span", name).innerHTML;
    if (index === column.head) return { title, render: (head, kind, row) => (kind === "display" ? headLink(row) : head) };
    if (index < known.words) return { title, render: DataTable.render.text() };
    const digits = known.digits[index - known.words];
    return { title, type: "measured", render: (value, kind) => (kind === "display" ? shown(value, digits) : value) };
  });
  whenShown.set(headsTable, () => new DataTable(headsTable, {
    data: known.rows,
    columns,
    order: [],
    autoWidth: false,
    pageLength: 25,
    scrollX: true,
    language: { search: "Search all heads", lengthMenu: "_MENU_ heads on a page", info: "_START_ to _END_ of _TOTAL_ heads" },
    layout: { bottomStart: { buttons: [download("heads", (value) => value ?? "")] }, bottomEnd: "paging", bottom2Start: "info" },
  }));
} else {
  document.getElementById("heads").hidden = true;
}
