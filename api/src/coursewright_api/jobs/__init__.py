"""Jobs: runs of pipelines that people asked for."""
