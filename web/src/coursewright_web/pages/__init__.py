"""The pages, by area. Each area is a module with a controller; see web/README.md."""

from coursewright_web.pages.assets import AssetPages
from coursewright_web.pages.create import CreatePages
from coursewright_web.pages.doors import DoorController
from coursewright_web.pages.home import HomeController
from coursewright_web.pages.jobs import JobPages
from coursewright_web.pages.results import ResultPages

CONTROLLERS = (DoorController, HomeController, JobPages, CreatePages, AssetPages, ResultPages)
