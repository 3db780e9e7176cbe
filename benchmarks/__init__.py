"""What was measured: `./sts bench` runs these against the real whole and prints ratios to a control in the same run."""
