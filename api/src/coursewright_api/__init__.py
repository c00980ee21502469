"""The HTTP service: accounts today; assets, jobs, pipelines and events rest on what is here."""
