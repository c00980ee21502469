"""Share links: anybody who has one may watch a job's results, as long as it lives."""
