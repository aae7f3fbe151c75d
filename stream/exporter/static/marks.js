// Marks in a chart: horizontal lines of target and benchmark, vertical lines of notes with their numbers.

/** Return a draw hook of uPlot for lines ({ value, name, colour, align }) and notes ({ at } in ms). `colour` resolves a variable. */
export function drawMarks(lines, notes, colour, family) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const scale = uPlot.pxRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.font = `${12 * scale}px ${family}`;
    ctx.lineWidth = scale;
    for (const { value, name, colour: variable, align } of lines) {
      const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
      ctx.strokeStyle = ctx.fillStyle = colour(variable);
      stroke(ctx, [6 * scale, 4 * scale], [bbox.left, y], [bbox.left + bbox.width, y]);
      const isAtTop = y - bbox.top < 16 * scale;
      ctx.textAlign = align;
      ctx.fillText(name, bbox.left + (align === "right" ? bbox.width - 4 * scale : 4 * scale), y + (isAtTop ? 13 : -4) * scale);
    }
    ctx.strokeStyle = ctx.fillStyle = colour("--note");
    ctx.textAlign = "left";
    notes.forEach(({ at }, i) => {
      const x = Math.round(plot.valToPos(at / 1000, "x", true)) + 0.5;
      stroke(ctx, [2 * scale, 3 * scale], [x, bbox.top], [x, bbox.top + bbox.height]);
      ctx.fillText(String(i + 1), x + 3 * scale, bbox.top + 11 * scale);
    });
    ctx.restore();
  };
}

function stroke(ctx, dash, from, to) {
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
