"""Runs after every report: the event of the asset has the addresses."""

from airflow.sdk import DAG, Asset, task

with DAG("ontogeny_follow", schedule=[Asset(name="ontogeny_line")], tags=["ontogeny"]):

    @task
    def announce(*, triggering_asset_events):
        """Here a message would go out."""
        events = [event for each in triggering_asset_events.values() for event in each]
        return [report for event in events for report in event.extra["reports"]]

    announce()
