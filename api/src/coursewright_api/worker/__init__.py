"""What executes jobs: Prefect, its queues and workers."""
