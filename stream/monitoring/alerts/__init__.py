"""What alert rules are: values that metrics carry, the statistics in them as PromQL, and those about the pipeline."""
