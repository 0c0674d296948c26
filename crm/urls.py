"""Every address of the product. The apps bring their own; other apps are named by string only."""

from django.contrib import admin
from django.urls import include, path

from crm import absence_views, choice_views, feed_views, probes, token_views, views
from crm import account_views as account
from crm import notice_views as notices

urlpatterns = [
    path("", views.home, name="home"),
    path("search/", views.search_page, name="search"),
    path("sign-in/", account.sign_in_page, name="sign-in"),
    path("sign-out/", account.sign_out, name="sign-out"),
    path("password/reset/", account.ask_for_link, name="password-reset"),
    path("password/reset/sent/", account.link_sent, name="password-reset-sent"),
    path("password/reset/choose/", account.choose_password, name="password-reset-choose"),
    path("password/reset/<str:uid>/<str:token>/", account.open_link, name="password-reset-link"),
    path("profile/", account.profile, name="profile"),
    path("profile/password/", account.change_password, name="password-change"),
    path("notices/", notices.page, name="notices"),
    path("notices/count/", notices.count, name="notices-count"),
    path("notices/read/", notices.read_all, name="notices-read"),
    path("notices/<int:pk>/", notices.follow_link, name="notice-open"),
    path("profile/notices/", choice_views.choices, name="notice-choices"),
    path("profile/notices/quiet/", choice_views.quiet, name="quiet-hours"),
    path("profile/absences/", absence_views.absence_list, name="absences"),
    path("profile/absences/<int:pk>/remove/", absence_views.absence_remove, name="absence-remove"),
    path("profile/calendar/", feed_views.calendar_address, name="calendar-address"),
    path("profile/calendar/revoke/", feed_views.calendar_revoke, name="calendar-revoke"),
    path("unsubscribe/<str:token>/", choice_views.unsubscribe, name="unsubscribe"),
    path("profile/tokens/", token_views.token_list, name="tokens"),
    path("profile/tokens/<int:pk>/revoke/", token_views.token_revoke, name="token-revoke"),
    path("api/", include("crm.api.urls")),
    path("", include("leads.urls")),
    path("", include("pipeline.urls")),
    path("admin/", admin.site.urls),
    *probes.urlpatterns,
]

handler400 = "crm.errors.bad_request"
handler403 = "crm.errors.forbidden"
handler404 = "crm.errors.not_found"
handler500 = "crm.errors.server_error"
