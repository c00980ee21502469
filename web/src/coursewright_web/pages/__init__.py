"""The pages, by area. Each area is a module with a controller; see web/README.md."""

from coursewright_web.pages.doors import DoorController
from coursewright_web.pages.home import HomeController
from coursewright_web.pages.jobs import JobPages

CONTROLLERS = (DoorController, HomeController, JobPages)
