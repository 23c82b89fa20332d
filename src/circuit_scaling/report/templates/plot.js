// The interactive phase space, drawn when its chapter is first open; a click opens a head's card.
const place = document.getElementById("phase-space-plot");
if (place) {
  whenShown.set(place, async () => {
    const plot = JSON.parse(document.getElementById("plot-data").textContent);
    await Plotly.newPlot(place, plot.data, plot.layout, plot.config);
    place.on("plotly_click", ({ points }) => showHead(points[0].customdata));
  });
}
