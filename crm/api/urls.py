from django.urls import include, path, re_path

from crm.api import docs, users, webhooks

urlpatterns = [
    path("v1/users/", users.UserList.as_view(), name="api-users"),
    path("v1/users/<int:pk>/", users.UserObject.as_view(), name="api-user"),
    path("v1/webhooks/", webhooks.WebhookList.as_view(), name="api-webhooks"),
    path("v1/webhooks/<int:pk>/", webhooks.WebhookObject.as_view(), name="api-webhook"),
    path("v1/webhooks/<int:pk>/pause/", webhooks.Pause.as_view(), name="api-webhook-pause"),
    path("v1/webhooks/<int:pk>/resume/", webhooks.Resume.as_view(), name="api-webhook-resume"),
    path("v1/webhooks/<int:pk>/secret/", webhooks.NewSecret.as_view(), name="api-webhook-secret"),
    path("v1/webhooks/<int:pk>/resend/", webhooks.Resend.as_view(), name="api-webhook-resend"),
    path("v1/deliveries/", webhooks.DeliveryList.as_view(), name="api-deliveries"),
    path("v1/deliveries/<int:pk>/", webhooks.DeliveryObject.as_view(), name="api-delivery"),
    path("v1/deliveries/<int:pk>/resend/", webhooks.ResendOne.as_view(), name="api-delivery-resend"),
    path("v1/", include("leads.api")),
    path("v1/", include("pipeline.api.urls")),
    path("schema/", docs.schema, name="api-schema"),
    path("docs/", docs.docs, name="api-docs"),
    re_path("", docs.not_here, name="api-not-here"),
]
