// Tables sort by a click on a column, are picked by the filters, and can be downloaded.
const LONG = 12; // rows from which on a table has a search of its own
const MISSING = "–";

// Numbers by their value; what was not measured comes last in both directions.
const sooner = (sign) => (a, b) => {
  if (a === b) return 0;
  if (a === "" || a === null) return 1;
  if (b === "" || b === null) return -1;
  return sign * (a - b || String(a).localeCompare(String(b)));
};
DataTable.type("measured", {
  className: "number",
  order: { asc: sooner(1), desc: sooner(-1) },
});

const filters = document.getElementById("filters");
const picked = () => Object.entries(Object.fromEntries(new FormData(filters))).filter(([, value]) => value);

// A filter that a row says nothing about does not hide it.
function passes(tags) {
  return picked().every(([name, value]) => !tags[name] || tags[name] === value);
}

const tagsOf = new WeakMap(); // table -> (row node, row data) => tags
DataTable.ext.search.push((settings, _texts, index, row) => {
  const tags = tagsOf.get(settings.nTable);
  return !tags || passes(tags(settings.aoData[index].nTr, row));
});

// Competent models carry no flag in tables.
const rowTags = (row) => ({ ...row.dataset, ...(row.dataset.model && { competence: row.dataset.competence ?? "competent" }) });

function plain(node) {
  const lines = [...node.childNodes].map((part) => part.textContent.trim()).filter(Boolean);
  const text = lines.join(" ").replaceAll("−", "-");
  return text === MISSING ? "" : text;
}

// Takes the rows that the filters leave; `body` says what a cell is in the file.
function download(name, body) {
  return {
    extend: "csvHtml5",
    text: "Download CSV",
    className: "download",
    filename: name,
    bom: true,
    exportOptions: {
      modifier: { search: "applied" },
      orthogonal: "export",
      format: { body },
    },
  };
}

function enhance(table) {
  const long = table.tBodies[0].rows.length > LONG;
  tagsOf.set(table, rowTags);
  new DataTable(table, {
    paging: false,
    order: [],
    autoWidth: false,
    searching: true,
    columnDefs: [{ targets: "number", type: "measured" }],
    layout: {
      topStart: long ? "search" : null,
      topEnd: null,
      bottomStart: { buttons: [download(table.dataset.name, (_data, _row, _column, cell) => plain(cell))] },
      bottomEnd: long ? "info" : null,
    },
    language: { search: "Search this table", zeroRecords: "no row is left by the filters" },
  });
}

for (const table of document.querySelectorAll("table.data")) {
  whenShown.set(table, () => enhance(table));
}

function applyFilters() {
  for (const fold of document.querySelectorAll("details.fold[data-model]")) {
    const model = filters.elements.model.value;
    const rows = [...fold.querySelectorAll("tbody tr[data-model]")];
    fold.hidden = Boolean(model) && fold.dataset.model !== model
      || (rows.length > 0 && !DataTable.isDataTable(fold.querySelector("table")) && !rows.some((row) => passes(rowTags(row))));
  }
  DataTable.tables({ api: true }).draw();
  const words = picked().map(([name, value]) => `${name} ${value}`).join(", ");
  document.getElementById("filter-message").textContent = words && `Tables show only ${words}.`;
}
filters.addEventListener("change", applyFilters);
filters.addEventListener("reset", () => setTimeout(applyFilters));
