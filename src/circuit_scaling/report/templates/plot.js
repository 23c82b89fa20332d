// The interactive phase space, drawn when its chapter is first open; a click opens a head's card.
const place = document.getElementById("phase-space-plot");

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

if (place) {
  whenShown.set(place, async () => {
    document.head.append(element("script", await unpacked("plotly-packed")));
    const plot = JSON.parse(document.getElementById("plot-data").textContent);
    await Plotly.newPlot(place, plot.data, plot.layout, plot.config);
    place.on("plotly_click", ({ points }) => showHead(points[0].customdata));
  });
}
