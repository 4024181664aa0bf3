"""Ontogeny on Apache Airflow: an operator, a sensor for checkpoints, and a factory of DAGs."""

from ontogeny_airflow.dags import ontogeny_dag
from ontogeny_airflow.operator import OntogenyOperator
from ontogeny_airflow.sensor import CheckpointTrigger, ManifestSensor

__all__ = ["CheckpointTrigger", "ManifestSensor", "OntogenyOperator", "ontogeny_dag"]
