-- Run once, when PostgreSQL's volume is new: Prefect has a database of its own.
CREATE DATABASE prefect;
