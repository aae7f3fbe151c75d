"""Alert rules as data: rules about metrics and the pipeline, their statistics in PromQL, the files made of them."""
