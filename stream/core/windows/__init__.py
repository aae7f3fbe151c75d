"""The parts of rolling windows: groups of sums, lanes with edges, blocks, folding, read-out."""
