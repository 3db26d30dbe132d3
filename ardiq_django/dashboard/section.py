"""What all sections of the dashboard share: rights, buttons that do something, and a broker's trouble told."""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ardiq_django.dashboard.act_words import told
from ardiq_django.dashboard.audit import record
from ardiq_django.dashboard.deed import Deed
from ardiq_django.dashboard.desk import desk_of

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = object  # at run time it is a theme's own

BUTTON = '<button class="ardiq-button" name="next" value="{}" formaction="{}" formnovalidate>{}</button>'
NAMED = 5  # objects of one message
BACK, CONFIRMED, TOKEN = "next", "confirmed", "csrfmiddlewaretoken"


class SectionMixin(ModelAdmin):
    """Nothing is added, changed or deleted by a form of Django's; `deeds` are what can be done."""

    deeds: ClassVar[Sequence[Deed]] = ()
    actions_on_top = True
    list_max_show_all = 0
    show_full_result_count = False
    fields = ()

    class Media:
        css = {"all": ("ardiq/states.css", "ardiq/dashboard.css", "ardiq/above.css")}  # noqa: RUF012
        js = ("ardiq/live.js", "ardiq/keys.js")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may(self, request: HttpRequest, right: str) -> bool:
        """Whether the user has one of our rights, by its codename."""
        return request.user.has_perm(f"{self.opts.app_label}.{right}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": capfirst(self.opts.verbose_name_plural), **(extra_context or {})}
        response = super().changelist_view(request, context)
        if problem := desk_of(request).problem:
            messages.error(request, problem)
        return response

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().history_view(request, object_id, extra_context)
        context = getattr(response, "context_data", None) or {}
        for entry in context.get("action_list", ()):
            entry.get_change_message = partial(str, told(entry))
        return response

    def address(self, page: str, *args: str, model: str = "") -> str:
        """The address of a page of this section, or of the one of another model, on this site; "" where the site does
        not have that one."""
        name = f"{self.admin_site.name}:{self.opts.app_label}_{model or self.opts.model_name}_{page}"
        try:
            return reverse(name, args=args)
        except NoReverseMatch:
            if not model:
                raise
            return ""

    def page_context(self, request: HttpRequest, **context: Any) -> dict[str, Any]:
        """What each page of ours shows, and what the admin shows around it."""
        request.current_app = self.admin_site.name  # whose pages links lead to, as in Django
        return {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **context}

    # deeds

    def get_urls(self) -> list[Any]:
        ours = [self._url(deed) for deed in self.deeds]
        return [*ours, *super().get_urls()]

    def _url(self, deed: Deed) -> URLPattern:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            return self.deed_view(request, object_id, deed)

        name = f"{self.opts.app_label}_{self.opts.model_name}_{deed.name}"
        wrapped = update_wrapper(self.admin_site.admin_view(view), view)
        return path(f"<path:object_id>/{deed.name}/", wrapped, name=name)

    def buttons(self, request: HttpRequest, obj: Any) -> list[dict[str, Any]]:
        """What this user can do to this object now, for a template: each a `<button formaction=…>`."""
        return [
            {"label": deed.label, "name": deed.name, "address": self.address(deed.name, quote(obj.pk))}
            for deed in self.deeds
            if self.may(request, deed.right) and deed.fits(obj)
        ]

    def button_column(self, request: HttpRequest) -> Callable[[Any], SafeString | str]:
        """A column with the buttons of each row, for a list's `get_list_display`."""
        here = request.get_full_path()

        @admin.display(description=_("actions"))
        def buttons(obj: Any) -> SafeString | str:
            offered = self.buttons(request, obj)
            return format_html_join(" ", BUTTON, ((here, one["address"], one["label"]) for one in offered))

        return buttons

    def deed_view(self, request: HttpRequest, object_id: str, deed: Deed) -> HttpResponse:
        """Do it to one object, after a question where it is grave; only by POST and with its right."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.may(request, deed.right) or not self.has_view_permission(request):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            raise Http404(_("There is no %(name)s “%(key)s”.") % self._words(object_id))
        back = self._way_back(request)
        if deed.is_grave and CONFIRMED not in request.POST:
            return self._asked(request, deed, [obj], back)
        self.perform(request, deed, [obj])
        return HttpResponseRedirect(back)

    def _words(self, object_id: str) -> dict[str, Any]:
        return {"name": self.opts.verbose_name, "key": unquote(object_id)}

    def _asked(self, request: HttpRequest, deed: Deed, objects: Sequence[Any], back: str) -> HttpResponse:
        """The question before a grave deed; its form sends again what was sent, and says that it is confirmed."""
        sent = [(name, value) for name, values in request.POST.lists() for value in values if name != TOKEN]
        context = {
            "deed": deed,
            "warning": deed.warning(objects),
            "objects": objects,
            "fields": [*sent, (CONFIRMED, "yes")],
            "title": capfirst(deed.label),
            "back": back,
        }
        return TemplateResponse(request, "ardiq/confirm.html", self.page_context(request, **context))

    def _way_back(self, request: HttpRequest) -> str:
        wanted = request.POST.get(BACK, "")
        if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
            return wanted
        return self.address("changelist")

    def perform(self, request: HttpRequest, deed: Deed, objects: Sequence[Any]) -> None:
        """Do it, put it on record, and tell what was done and what was refused, with the reason."""
        told = list(zip(objects, deed.reasons(objects), strict=True))
        done = [obj for obj, reason in told if not reason]
        refused = [(obj, reason) for obj, reason in told if reason]
        if done:
            record(request, deed.name, done)
            messages.success(request, _("%(done)s: %(what)s") % {"done": deed.done, "what": _named(done)})
        for obj, reason in refused[:NAMED]:
            messages.error(request, _("Not done: %(what)s: %(why)s") % {"what": obj, "why": reason})
        if (more := len(refused) - NAMED) > 0:
            left = ngettext("%(more)d more was not done.", "%(more)d more were not done.", more)
            messages.error(request, left % {"more": more})

    @property
    def actions(self) -> list[Callable[..., HttpResponse | None]]:  # type: ignore[override]
        """What can be done to ticked rows: each deed is one of Django's own actions."""
        return [self._action(deed) for deed in self.deeds if deed.for_many]

    def _action(self, deed: Deed) -> Callable[..., HttpResponse | None]:
        @admin.action(description=deed.label, permissions=[deed.right])
        def action(section: Any, request: HttpRequest, queryset: Any) -> HttpResponse | None:
            if deed.is_grave and CONFIRMED not in request.POST:
                return self._asked(request, deed, list(queryset), request.get_full_path())
            self.perform(request, deed, list(queryset))
            return None

        action.__name__ = deed.name
        return action

    def __getattr__(self, name: str) -> Any:
        # Django asks `has_<right>_permission` before it offers an action
        right = name.removeprefix("has_").removesuffix("_permission")
        if any(right == deed.right for deed in type(self).deeds):
            return partial(self.may, right=right)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")


def _named(objects: Sequence[Any]) -> str:
    names = ", ".join(map(str, objects[:NAMED]))
    more = len(objects) - NAMED
    form = ngettext("%(names)s and %(more)d more", "%(names)s and %(more)d more", more)
    return names if more <= 0 else form % {"names": names, "more": more}
