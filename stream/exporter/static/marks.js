// Marks in a chart: horizontal lines of target and benchmark, vertical lines of notes with their numbers.

/** Return a draw hook of uPlot for lines ({ value, name, colour, align }) and notes ({ at } in ms). `colour` resolves a variable. A number that has no room beside the one before is left out. */
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
    const write = (text, x, y, variable) => {
      ctx.fillStyle = colour(variable);
      outline(ctx, colour("--surface"), 3 * scale, text, x, y);
      ctx.fillText(text, x, y);
    };
    for (const { value, name, colour: variable, align } of lines) {
      const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
      ctx.strokeStyle = colour(variable);
      stroke(ctx, [6 * scale, 4 * scale], [bbox.left, y], [bbox.left + bbox.width, y]);
      const isAtTop = y - bbox.top < 16 * scale;
      ctx.textAlign = align;
      write(name, bbox.left + (align === "right" ? bbox.width - 4 * scale : 4 * scale), y + (isAtTop ? 13 : -4) * scale, variable);
    }
    ctx.textAlign = "left";
    let free = -Infinity;
    notes.forEach(({ at }, i) => {
      const x = Math.round(plot.valToPos(at / 1000, "x", true)) + 0.5;
      ctx.strokeStyle = colour("--note");
      stroke(ctx, [2 * scale, 3 * scale], [x, bbox.top], [x, bbox.top + bbox.height]);
      if (x < free) return;
      write(String(i + 1), x + 3 * scale, bbox.top + 11 * scale, "--note");
      free = x + 18 * scale;
    });
    ctx.restore();
  };
}

/** Draw a margin around a text, so that it can be read on lines. */
function outline(ctx, colour, width, ...text) {
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.lineJoin = "round";
  ctx.strokeText(...text);
  ctx.restore();
}

function stroke(ctx, dash, from, to) {
  ctx.setLineDash(dash);
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.stroke();
}
