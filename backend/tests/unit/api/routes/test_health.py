"""Health and figures, with nothing there."""

import httpx


async def test_without_a_database_it_is_unhealthy(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unhealthy"}


async def test_the_report_says_what_is_missing(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/system/health")
    assert answer.status_code == 200
    report = answer.json()
    assert (report["status"], report["live"], report["ready"]) == ("unhealthy", True, False)
    parts = {part["name"]: part for part in report["parts"]}
    assert parts["database"]["status"] == "unhealthy"
    assert parts["database"]["reason"].startswith("no database: ")
    assert parts["redis"]["status"] == "degraded"
    assert parts["pictures"]["reason"] == "not known while the database does not answer"
    assert parts["workers"]["reason"] == "not known while Redis does not answer"


async def test_the_figures_say_that_there_is_no_database(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "\nhsi_database_up 0.0\n" in answer.text
    assert "hsi_detect_seconds_count" in answer.text
    assert "hsi_frames_waiting" not in answer.text
