"""The ladder of degradation: what works, and what waits, while something is down, slow or full.

The lowest rung first. `docs/reference/degradation.md` is made from this, and health shows it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """One way in which the product may be less than whole, in words for its owner.

    `shown` says by which part of health, and when, it is stood on.
    """

    name: str
    title: str
    shown: str
    works: str
    waits: str
    advice: str


LADDER: tuple[Rung, ...] = (
    Rung(
        "database",
        "The database does not answer, or takes nothing",
        "`database` does not answer within 1 s, or a worker's `ingest` waits for it",
        "New pictures stay where the cameras put them; health is shown.",
        "Everything else: pictures are not taken in, lists and events cannot be shown.",
        "See whether PostgreSQL runs and its disk has room: `hsi logs`. It goes on by itself.",
    ),
    Rung(
        "schema",
        "The database is newer than this version of the product",
        "`database` is at a migration that this version does not have; seen within 15 s",
        "New pictures stay where the cameras put them; health is shown.",
        "Everything else: workers end, and the API answers nothing from the database.",
        "Install the version that brought the database there, or restore a backup.",
    ),
    Rung(
        "database_slow",
        "The database answers slowly",
        "`database` took longer than 0.5 s for an answer, twice in a row",
        "Everything, with delay.",
        "Nothing for good; pages and new events come late.",
        "See what else keeps its machine or disk busy.",
    ),
    Rung(
        "pictures",
        "The pictures' disk is full, gone, another one, or does not answer",
        "`ingest`, `detector` or `disk` cannot write or read the folder of the pictures, or has "
        "waited for 30 s in vain",
        "Events that are there are shown; new pictures stay where the cameras put them.",
        "New pictures are not taken in, and those that wait are not looked at.",
        "Make room, or mount the disk that belongs there. It goes on by itself. If the folder that "
        "is there, or a new one, is to be the right one from now on: `hsi fsck --accept-folder`.",
    ),
    Rung(
        "thumbnails",
        "Thumbnails cannot be kept",
        "`detector` or `workers` cannot write or read the folder of the thumbnails",
        "New pictures are taken in and kept; all that is there is shown.",
        "Pictures wait to be looked at, for as long as it takes; none counts as failed.",
        "Make room on that disk, or let the worker write to the folder that the reason names. It "
        "goes on by itself.",
    ),
    Rung(
        "pictures_slow",
        "The pictures' disk answers slowly",
        "`ingest`: a worker waited longer than 2 s for each of its last three answers, or has "
        "waited for one for 10 s; or `disk` does not answer within 1 s",
        "Everything, with delay.",
        "Nothing for good; new pictures are taken in late.",
        "See what else keeps that disk busy, or whether it is about to fail.",
    ),
    Rung(
        "media",
        "The cameras' folder is not there, or its disk does not answer",
        "`workers` or `ingest` names what needs it, or has waited for it for 60 s in vain; it is "
        "tried again every half minute at the latest",
        "Pictures that were taken in are looked at; all that is there is shown.",
        "New pictures, until the folder is there again; then a scan finds what it holds.",
        "Mount the disk, or see whether the machine that shares it runs; or set the folder that "
        "the cameras write to: the reason names it.",
    ),
    Rung(
        "media_slow",
        "The cameras' disk answers slowly",
        "`ingest`: a worker waited longer than 4 s for each of its last three answers, or has "
        "waited for one for 20 s",
        "Everything, with delay.",
        "Nothing for good; new pictures are seen and taken in late.",
        "See what else keeps that disk busy, or the network to it.",
    ),
    Rung(
        "disk",
        "The disk is nearly full",
        "`disk` has less than 1 GB free for the data folder or the pictures",
        "Everything, for now.",
        "Nothing yet; once it is full, new pictures wait.",
        "Make room on that disk.",
    ),
    Rung(
        "workers",
        "No worker is at work",
        "`workers` heard none for 20 s",
        "All that is there is shown; new pictures stay where the cameras put them.",
        "New pictures are not taken in or looked at; events that are open stay open.",
        "Start one: `hsi up` does, and starts it again when it ends. `hsi logs` says why it ended.",
    ),
    Rung(
        "part",
        "A part of a worker does not run",
        "`workers` names a part that failed; it is tried again every half minute at the latest",
        "The other parts, and other workers.",
        "What that part does.",
        "The reason says what it needs. `hsi logs` says more.",
    ),
    Rung(
        "detector",
        "The detector does not answer",
        "`detector` gives the reason; it is asked again every 5 s at the latest",
        "Pictures are taken in and kept; all that is there is shown.",
        "Pictures wait to be looked at, for as long as it takes; none counts as failed.",
        "See whether the detector, or the machine it is on, runs. It goes on by itself.",
    ),
    Rung(
        "detector_some",
        "Some of the detector's addresses do not answer",
        "`detector` names those that do not, of `DETECTOR__URLS`; each is asked again, with a "
        "picture, every 5 s at the latest",
        "Everything: what one cannot answer another is asked.",
        "Pictures wait for their turn when more come than the others can look at.",
        "See whether the machine that is named runs. It is used again by itself.",
    ),
    Rung(
        "detector_doubtful",
        "The model does not see",
        "`detector`: when it was loaded, a worker's or a service's model gave one answer to two "
        "pictures that have nothing in common, saw more than three things where there "
        "is nothing, or answered with what is no number",
        "Everything, but what is found is not to be trusted; pictures are kept.",
        "Nothing, and that is the harm: pictures are looked at as if it saw.",
        "Take another one: `hsi models use` counts within seconds; where DETECTOR__MODEL names it, "
        "or a service's own settings do, start the worker or the service anew.",
    ),
    Rung(
        "detector_refused",
        "The model that was chosen is not at work",
        "`detector` says why: the model that `hsi models use` named since a worker's start cannot "
        "be loaded, or the list of models cannot be read; it is tried again each minute",
        "Everything, by the model that was at work before.",
        "Nothing; what the new model would see and the old one does not is missed.",
        "`hsi models verify` says what is wrong with a file. Remove it and fetch it again, or use "
        "another.",
    ),
    Rung(
        "detector_awaited",
        "The model that was asked for is not to be had",
        "`detector` says why: the model that a worker fetches was not to be had at the last try, "
        "which is made again every half hour at the latest; or what came is at fault, or does not "
        "see, which is looked at again a day later",
        "Everything, by motion alone, or by the model that is at work.",
        "Nothing; what moves is not told apart before it is here.",
        "`hsi models pull` tries at once. `hsi models add` takes a file from elsewhere, and "
        "`hsi models use motion` asks for none any more.",
    ),
    Rung(
        "detector_slow",
        "The detector takes long",
        "`detector` took longer than 1 s for each of the last three pictures, or has been at one "
        "for 5 s",
        "Everything; of each camera the newest pictures go first.",
        "Pictures wait for their turn when more come than it can look at.",
        "A smaller model, or more power; or see what else keeps that machine busy.",
    ),
    Rung(
        "folders",
        "Pictures in some folders are seen late or not at all",
        "`ingest` names the folders",
        "All other folders are watched.",
        "Pictures in these folders, until the next scan, or until the cause is mended.",
        "The reason says what to change: access, a link, or the kernel's limit of watches.",
    ),
    Rung(
        "flood",
        "A camera sends more than can be looked at",
        "`flood` names the cameras of which pictures were skipped in the last 10 minutes",
        "Everything; other cameras are not delayed. All its pictures are kept.",
        "Nothing: while so many of that camera have piled up though pictures are looked at, one of "
        "each second in which some come is; the others are skipped. What waits because the "
        "detector was away is not counted, and not skipped.",
        "Let it send fewer pictures, or give the detector more power.",
    ),
    Rung(
        "behind",
        "Pictures are looked at late",
        "`pictures` names the camera of the one that waits for longer than a minute",
        "Everything; of each camera the newest pictures go first.",
        "Older pictures, until there is time for them.",
        "Nothing, after an outage or an import. If it stays so: fewer pictures, or more power.",
    ),
    Rung(
        "redis",
        "Redis does not answer, or is being restarted",
        "`redis` does not answer within 1 s",
        "Pictures are taken in; all that is there is shown.",
        "Pictures are looked at once it is back; live news come some seconds late. How the "
        "workers are is not known meanwhile.",
        "See whether Redis runs. Nothing is lost with it.",
    ),
    Rung(
        "redis_full",
        "Redis is out of memory",
        "`redis` answers, and takes nothing",
        "Pictures are taken in; all that is there is shown.",
        "Pictures are looked at once it takes bells again; live news come some seconds late. How "
        "the workers are is not known meanwhile, since they cannot say so.",
        "Raise its maxmemory, or see what else fills it. Nothing is lost with it.",
    ),
    Rung(
        "redis_forgets",
        "Redis would throw bells away",
        "`redis` names its maxmemory-policy, which is another than noeviction; seen within 15 s",
        "All that is there is shown; new pictures stay where the cameras put them.",
        "New pictures are not taken in or looked at: workers end, and start once it is mended.",
        "Set maxmemory-policy to noeviction there, or REDIS_URL to another one.",
    ),
    Rung(
        "redis_slow",
        "Redis answers slowly",
        "`redis` took longer than 0.5 s for an answer, twice in a row",
        "Everything, with delay.",
        "Nothing for good; pictures are looked at late, and live news come late.",
        "See what else keeps its machine busy.",
    ),
    Rung(
        "cameras",
        "A camera is silent for longer than is its habit",
        "`cameras` names it: no picture for 10 minutes at least, and for three times its longest "
        "usual pause (of its last 200 pictures; of fewer than 20 nothing is concluded), unless it "
        "was silent at these hours yesterday too",
        "Everything else.",
        "Nothing.",
        "See whether the camera has power and network. One that is gone for good: delete it.",
    ),
    Rung(
        "dead_letters",
        "Work was given up",
        "`dead letters` counts them",
        "Everything else.",
        "The pictures that were given up: kept, and not looked at again by themselves.",
        "`hsi dlq` shows them with the reasons; replay them once that is mended, or discard them.",
    ),
)

_RUNG_OF_CODE = {
    "database.newer_schema": "schema",
    "redis.full": "redis_full",
    "redis.evicts": "redis_forgets",
}


def rung_of(code: str) -> str:
    """The name of the rung that an error with this code stands for: else what it begins with."""
    return _RUNG_OF_CODE.get(code, code.partition(".")[0])
